// Copies between a dense array and one that lies in strides: permutations, slices and parts of a concatenation. One element of the dense array a thread and
// stride; bound by memory.

#define GATHER(suffix, T)                                                                                                                    \
    extern "C" __global__ void gather##suffix(const T* strided, T* dense, long long count, Axes extents, Axes strides, float beta)           \
    {                                                                                                                                        \
        OVER_ELEMENTS(i, count)                                                                                                              \
            store(dense + i, widened(strided[offset_of(extents, i, strides)]), beta);                                                        \
    }
FOR_STORED(GATHER)

#define SCATTER(suffix, T)                                                                                                                   \
    extern "C" __global__ void scatter##suffix(const T* dense, T* strided, long long count, Axes extents, Axes strides, float beta)          \
    {                                                                                                                                        \
        OVER_ELEMENTS(i, count)                                                                                                              \
            store(strided + offset_of(extents, i, strides), widened(dense[i]), beta);                                                        \
    }
FOR_STORED(SCATTER)

#define TILE 32
#define TILE_ROWS 8

// Transposed matrices: to [batch, rows, columns], from [batch, columns, rows]. A block moves a tile by way of shared memory, so that both sides are met in runs.
template <class T>
__device__ inline void turned(const T* from, T* to, int rows, int columns, int row_tiles, float beta)
{
    __shared__ float tile[TILE][TILE + 1];
    size_t matrix = (size_t)(blockIdx.x / row_tiles) * rows * columns;
    int row = (int)(blockIdx.x % row_tiles) * TILE, column = blockIdx.y * TILE;
    for (int y = threadIdx.y; y < TILE; y += TILE_ROWS)
    {
        if (column + y < columns && row + threadIdx.x < rows)
            tile[y][threadIdx.x] = widened(from[matrix + (size_t)(column + y) * rows + row + threadIdx.x]);
    }
    __syncthreads();
    for (int y = threadIdx.y; y < TILE; y += TILE_ROWS)
    {
        if (row + y < rows && column + threadIdx.x < columns)
            store(to + matrix + (size_t)(row + y) * columns + column + threadIdx.x, tile[threadIdx.x][y], beta);
    }
}

#define TURN(suffix, T) \
    extern "C" __global__ void turn##suffix(const T* from, T* to, int rows, int columns, int row_tiles, float beta) { turned(from, to, rows, columns, row_tiles, beta); }
FOR_STORED(TURN)
