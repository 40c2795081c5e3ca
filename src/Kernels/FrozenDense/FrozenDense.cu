#include "Unary.cuh"
#include "FewRows.cuh"
// Products of one and of some rows with weights of float32, and the transpose that brings weights into their order.

#define SIDE 32

// to [columns, rows] = the transpose of from [rows, columns], tile by tile: both are read and written in stretches of 128 bytes. Blocks of 32 x 8 threads.
extern "C" __global__ void transpose(const float* from, float* to, int rows, int columns)
{
    __shared__ float tile[SIDE][SIDE + 1];
    int left = blockIdx.x % ((columns + SIDE - 1) / SIDE) * SIDE, top = blockIdx.x / ((columns + SIDE - 1) / SIDE) * SIDE;
    for (int i = threadIdx.y; i < SIDE; i += blockDim.y)
    {
        if (top + i < rows && left + threadIdx.x < columns)
            tile[i][threadIdx.x] = from[(size_t)(top + i) * columns + left + threadIdx.x];
    }
    __syncthreads();
    for (int i = threadIdx.y; i < SIDE; i += blockDim.y)
    {
        if (left + i < columns && top + threadIdx.x < rows)
            to[(size_t)(left + i) * rows + top + threadIdx.x] = tile[threadIdx.x][i];
    }
}

#define DENSE_ROWS(name, blocks, OUTPUTS, ROWS, NORM)                                                         \
    extern "C" __global__ void __launch_bounds__(FEW_THREADS, blocks) name(const float* w, FEW_ROWS_PARAMETERS) \
    {                                                                                                         \
        FEW_ROWS(OUTPUTS, ROWS, NORM, FloatWeights{w});                                                       \
    }
DENSE_ROWS(dense_row, 3, 2, 1, false)
DENSE_ROWS(dense_row_normed, 3, 2, 1, true)
DENSE_ROWS(dense_rows, 2, 2, 4, false)
DENSE_ROWS(dense_rows_normed, 2, 2, 4, true)
