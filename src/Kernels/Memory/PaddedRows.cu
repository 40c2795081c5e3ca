// Matrices whose rows do not begin on 16 bytes, as a vocabulary of 50257 makes them, to and from rows that do: tensor cores read and write those several times as fast.
// Bound by memory. A block has 2048 numbers of a row, a thread 4 pairs of neighbours, all of them read before the first is written.

#define PAIRS 4
#define ROW_PART 2048 // 2 * PAIRS * 256 threads

// y [padded_rows, stride] = x [rows, columns], rounded; 0 around it.
#define PAD_ROWS(suffix, T)                                                                                                             \
    extern "C" __global__ void pad_rows##suffix(const float* x, T* y, int rows, int columns, int stride)                                \
    {                                                                                                                                   \
        pad(x, y, rows, columns, stride);                                                                                               \
    }

struct alignas(8) FloatPair
{
    float a, b;
};

template <class T>
struct alignas(4) Pair
{
    T a, b;
};

template <class T>
struct PairOf
{
    typedef Pair<T> type;
};

template <>
struct PairOf<float>
{
    typedef FloatPair type;
};

template <class T>
__device__ inline void pad(const float* x, T* y, int rows, int columns, int stride)
{
    long long row = blockIdx.x;
    const float* from = x + row * columns;
    T* to = y + row * stride;
    float low[PAIRS], high[PAIRS];
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
    {
        int column = blockIdx.y * ROW_PART + 2 * (i * 256 + threadIdx.x);
        low[i] = row < rows && column < columns ? __ldg(from + column) : 0.0f;
        high[i] = row < rows && column + 1 < columns ? __ldg(from + column + 1) : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
    {
        int column = blockIdx.y * ROW_PART + 2 * (i * 256 + threadIdx.x);
        if (column >= stride)
            continue;
        typename PairOf<T>::type pair;
        put(&pair.a, low[i]);
        put(&pair.b, high[i]);
        *(typename PairOf<T>::type*)(to + column) = pair;
    }
}
FOR_STORED(PAD_ROWS)

// y [rows, y_stride] = beta y + x [rows, stride], the first columns of each row.
extern "C" __global__ void unpad_rows(const float* x, int stride, float* y, int y_stride, int columns, float beta)
{
    long long row = blockIdx.x;
    const float* from = x + row * stride;
    float* to = y + row * y_stride;
    FloatPair pairs[PAIRS];
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
    {
        int column = blockIdx.y * ROW_PART + 2 * (i * 256 + threadIdx.x);
        pairs[i] = {0.0f, 0.0f};
        if (column < columns)
            pairs[i] = *(const FloatPair*)(from + column); // rows are padded to whole pairs
    }
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
    {
        int column = blockIdx.y * ROW_PART + 2 * (i * 256 + threadIdx.x);
        if (column < columns)
            store(to + column, pairs[i].a, beta);
        if (column + 1 < columns)
            store(to + column + 1, pairs[i].b, beta);
    }
}
