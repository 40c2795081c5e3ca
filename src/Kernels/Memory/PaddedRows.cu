// Matrices whose rows do not begin on 16 bytes, as a vocabulary of 50257 makes them, to and from rows that do: tensor cores read and write those several times as fast.
// Bound by memory. A block has 2048 numbers of a row, a thread 4 pairs of neighbours, all of them read before the first is written.

#define PAIRS 4
#define ROW_PART 2048 // 2 * PAIRS * 256 threads

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

__device__ inline float loaded(const float* from) { return __ldg(from); }

template <class T>
__device__ inline float loaded(const T* from) { return widened(T{__ldg(&from->bits)}); }

// y [padded_rows, stride] = x [rows, columns], rounded; 0 around it.
template <class X, class T>
__device__ inline void pad(const X* x, T* y, int rows, int columns, int stride)
{
    long long row = blockIdx.x;
    const X* from = x + row * columns;
    T* to = y + row * stride;
    float low[PAIRS], high[PAIRS];
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
    {
        int column = blockIdx.y * ROW_PART + 2 * (i * 256 + threadIdx.x);
        low[i] = row < rows && column < columns ? loaded(from + column) : 0.0f;
        high[i] = row < rows && column + 1 < columns ? loaded(from + column + 1) : 0.0f;
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

#define PAD_ROWS(suffix, T)                                                                                                             \
    extern "C" __global__ void pad_rows##suffix(const float* x, T* y, int rows, int columns, int stride)                                \
    {                                                                                                                                   \
        pad(x, y, rows, columns, stride);                                                                                               \
    }
FOR_STORED(PAD_ROWS)
#define PAD_STORED_ROWS(suffix, T)                                                                                                      \
    extern "C" __global__ void pad_stored_rows##suffix(const T* x, T* y, int rows, int columns, int stride)                             \
    {                                                                                                                                   \
        pad(x, y, rows, columns, stride);                                                                                               \
    }
FOR_NARROW(PAD_STORED_ROWS)

// y [rows, y_stride] = beta y + x [rows, stride], the first columns of each row.
template <class T>
__device__ inline void unpad(const T* x, int stride, T* y, int y_stride, int columns, float beta)
{
    long long row = blockIdx.x;
    const T* from = x + row * stride;
    T* to = y + row * y_stride;
    typename PairOf<T>::type pairs[PAIRS];
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
    {
        int column = blockIdx.y * ROW_PART + 2 * (i * 256 + threadIdx.x);
        pairs[i] = {T{}, T{}};
        if (column + 1 < columns)
            pairs[i] = *(const typename PairOf<T>::type*)(from + column);
        else if (column < columns)
            pairs[i].a = from[column]; // the product may have left out what is behind
    }
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
    {
        int column = blockIdx.y * ROW_PART + 2 * (i * 256 + threadIdx.x);
        if (column < columns)
            store(to + column, widened(pairs[i].a), beta);
        if (column + 1 < columns)
            store(to + column + 1, widened(pairs[i].b), beta);
    }
}

#define UNPAD_ROWS(suffix, T)                                                                                                           \
    extern "C" __global__ void unpad_rows##suffix(const T* x, int stride, T* y, int y_stride, int columns, float beta)                  \
    {                                                                                                                                   \
        unpad(x, stride, y, y_stride, columns, beta);                                                                                   \
    }
FOR_STORED(UNPAD_ROWS)
