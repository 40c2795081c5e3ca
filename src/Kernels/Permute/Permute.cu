// Permutations in which other numbers become neighbours: batches of transposed matrices. Bound by memory: 8 bytes a number.

#include "Packs.cuh"
#include "Walk.cuh"

#define TILE 64
#define TILE_THREADS 256

// N numbers of a line of a tile for each thread: eight threads lie along a line and four across, so that packs meet memory in runs of eight, and
// shared memory, whose lines are padded by one number, in 32 different banks, along its lines as well as across.
template <int N>
struct Share
{
    int line, at; // of the first round; each one more is LINES further on

    static constexpr int LINES = TILE_THREADS * N / TILE;

    __device__ __forceinline__ Share()
    {
        int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
        line = N == 1 ? warp >> 1 : (warp >> 1) * 4 + (lane >> 3);
        at = N == 1 ? (warp & 1) * 32 + lane : ((warp & 1) * 8 + (lane & 7)) * N;
    }
};

// One for all kernels of the file.
__device__ __forceinline__ float (*tile_of_block())[TILE + 1]
{
    __shared__ float tile[TILE][TILE + 1];
    return tile;
}

// Matrices turned: to[row, column] = from[column, row], where the numbers of a row of `to` and of a column's line in `from` are neighbours; other axes are a batch.
// A block moves a tile of 64 x 64 by way of shared memory; 64 bytes a thread are under way at once with packs of four float32.
template <int N, class T>
__device__ __forceinline__ void turned(const T* from, T* to, int rows, int columns, unsigned from_stride, unsigned to_stride, int row_tiles, int column_tiles,
    const Walk& batch, const Strides& batch_from, const Strides& batch_to, float beta)
{
    float(*tile)[TILE + 1] = tile_of_block();
    unsigned above = blockIdx.x / column_tiles, matrix = above / row_tiles;
    int row = (int)(above - matrix * row_tiles) * TILE, column = (int)(blockIdx.x - above * column_tiles) * TILE;
    Share<N> share;
    Run<T, N> held[TILE / Share<N>::LINES];
    from += walked(batch, matrix, batch_from) + (size_t)column * from_stride + row;
    to += walked(batch, matrix, batch_to) + (size_t)row * to_stride + column;
    rows -= row;
    columns -= column;
#pragma unroll
    for (int k = 0; k < TILE / Share<N>::LINES; k++)
    {
        int line = share.line + k * Share<N>::LINES;
        if (line < columns && share.at < rows)
            held[k] = take<N>(from + (size_t)line * from_stride + share.at);
    }
#pragma unroll
    for (int k = 0; k < TILE / Share<N>::LINES; k++)
    {
        int line = share.line + k * Share<N>::LINES;
        if (line < columns && share.at < rows)
        {
#pragma unroll
            for (int j = 0; j < N; j++)
                tile[line][share.at + j] = held[k].get(j);
        }
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < TILE / Share<N>::LINES; k++)
    {
        int line = share.line + k * Share<N>::LINES;
        if (line < rows && share.at < columns)
        {
            T* place = to + (size_t)line * to_stride + share.at;
            Run<T, N> run = beta != 0.0f ? take<N>(place) : repeated<N>(T{});
#pragma unroll
            for (int j = 0; j < N; j++)
                run.store_at(j, tile[share.at + j][line], beta);
            give(place, run);
        }
    }
}

#define TURN(name, N, suffix, T)                                                                                                                                \
    extern "C" __global__ void __launch_bounds__(TILE_THREADS) name##suffix(const T* from, T* to, int rows, int columns, unsigned from_stride,                  \
        unsigned to_stride, int row_tiles, int column_tiles, Walk batch, Strides batch_from, Strides batch_to, float beta)                                      \
    {                                                                                                                                                           \
        turned<N>(from, to, rows, columns, from_stride, to_stride, row_tiles, column_tiles, batch, batch_from, batch_to, beta);                                 \
    }
#define TURN_STORED(suffix, T) TURN(turn, 1, suffix, T) TURN(turn_packs, 4, suffix, T)
FOR_STORED(TURN_STORED)
