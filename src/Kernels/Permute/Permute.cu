// Copies between a dense array and one that lies in strides: permutations, slices and parts of a concatenation. One element of the dense array a thread and
// stride; bound by memory.

extern "C" __global__ void gather(const float* strided, float* dense, long long count, Axes extents, Axes strides, float beta)
{
    OVER_ELEMENTS(i, count)
        store(dense + i, strided[offset_of(extents, i, strides)], beta);
}

extern "C" __global__ void scatter(const float* dense, float* strided, long long count, Axes extents, Axes strides, float beta)
{
    OVER_ELEMENTS(i, count)
        store(strided + offset_of(extents, i, strides), dense[i], beta);
}

#define TILE 32
#define TILE_ROWS 8

// Transposed matrices: to [batch, rows, columns], from [batch, columns, rows]. A block moves a tile by way of shared memory, so that both sides are met in runs.
extern "C" __global__ void turn(const float* from, float* to, int rows, int columns, int row_tiles, float beta)
{
    __shared__ float tile[TILE][TILE + 1];
    size_t matrix = (size_t)(blockIdx.x / row_tiles) * rows * columns;
    int row = (int)(blockIdx.x % row_tiles) * TILE, column = blockIdx.y * TILE;
    for (int y = threadIdx.y; y < TILE; y += TILE_ROWS)
    {
        if (column + y < columns && row + threadIdx.x < rows)
            tile[y][threadIdx.x] = from[matrix + (size_t)(column + y) * rows + row + threadIdx.x];
    }
    __syncthreads();
    for (int y = threadIdx.y; y < TILE; y += TILE_ROWS)
    {
        if (row + y < rows && column + threadIdx.x < columns)
            store(to + matrix + (size_t)(row + y) * columns + column + threadIdx.x, tile[threadIdx.x][y], beta);
    }
}
