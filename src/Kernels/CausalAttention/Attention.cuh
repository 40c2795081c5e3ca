// What the kernels of attention to whole sequences share. A head has up to 64 numbers; tiles of its rows lie in dynamic shared memory.

#define ROW 64           // numbers of a row of a tile; 0 behind the head's last
#define GROUPS (ROW / 4) // four numbers are read and written together
#define THREADS 128      // of a block
#define LOG2_E 1.4426950408889634f
#define LN_2 0.6931471805599453f

__device__ inline float* dynamic_shared()
{
    extern __shared__ float4 memory[];
    return (float*)memory;
}

// Where four neighbours of a row begin. Groups change places by row, so that 8 rows of a column and 8 columns of a row are in different banks.
__device__ inline int place(int row, int group) { return row * ROW + ((group ^ (row & 7)) << 2); }

// Queries [sequences, tokens, 3 heads d], and keys and values at strides of their own, of one head (blockIdx.x: sequence and head). Sequence n has past[n] keys
// before its first query.
template <class T>
struct Attention
{
    const T *q, *k, *v;
    long long query_stride, key_stride;
    int before;
    bool whole; // rows may be read by fours
};

// True where addresses and steps are those of four numbers.
template <class T>
__device__ inline bool by_fours(const void* address, long long step, int d)
{
    return ((unsigned long long)address & (4 * sizeof(T) - 1)) == 0 && ((step | d) & 3) == 0;
}

template <class T>
__device__ inline Attention<T> attention(const T* qkv, const T* keys, const T* values, const int* past, int tokens, int heads, int d, long long key_stride, long long sequence_stride)
{
    long long sequence = blockIdx.x / (unsigned)heads, head = blockIdx.x % (unsigned)heads, stride = 3ll * heads * d;
    bool whole = by_fours<T>(qkv, stride, d) && by_fours<T>(keys, key_stride | sequence_stride, d) && by_fours<T>(values, 0, d);
    long long own = sequence * sequence_stride + head * d;
    return {qkv + sequence * tokens * stride + head * d, keys + own, values + own, stride, key_stride, past ? past[sequence] : 0, whole};
}

__device__ inline float4 read_four(const float* from) { return __ldg((const float4*)from); }

template <class T>
__device__ inline float4 read_four(const T* from)
{
    uint2 bits = __ldg((const uint2*)from);
    return {widened(T{(unsigned short)bits.x}), widened(T{(unsigned short)(bits.x >> 16)}), widened(T{(unsigned short)bits.y}), widened(T{(unsigned short)(bits.y >> 16)})};
}

// Four numbers of a row of d from a column on.
template <class T>
__device__ inline float4 four(const T* row, int column, int d, bool whole)
{
    if (column >= d)
        return {0.0f, 0.0f, 0.0f, 0.0f};
    if (whole)
        return read_four(row + column);
    return {widened(row[column]), column + 1 < d ? widened(row[column + 1]) : 0.0f, column + 2 < d ? widened(row[column + 2]) : 0.0f, column + 3 < d ? widened(row[column + 3]) : 0.0f};
}

// Rows first to first + ROWS of count into a tile; 0 behind the last. All of a thread's reads are under way before it writes the first.
template <int ROWS, class T>
__device__ inline void fill(float* tile, const T* from, long long stride, int first, int count, int d, bool whole)
{
    float4 read[ROWS * GROUPS / THREADS];
#pragma unroll
    for (int i = 0; i < ROWS * GROUPS / THREADS; i++)
    {
        int row = (i * THREADS + threadIdx.x) / GROUPS, group = threadIdx.x % GROUPS;
        read[i] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (first + row < count)
            read[i] = four(from + (first + row) * stride, group * 4, d, whole);
    }
#pragma unroll
    for (int i = 0; i < ROWS * GROUPS / THREADS; i++)
        *(float4*)(tile + place((i * THREADS + threadIdx.x) / GROUPS, threadIdx.x % GROUPS)) = read[i];
}

__device__ inline float product(float4 a, float4 b, float sum) { return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum)))); }

__device__ inline void add_product(float (&sums)[4], float a, float4 b)
{
    sums[0] = fmaf(a, b.x, sums[0]);
    sums[1] = fmaf(a, b.y, sums[1]);
    sums[2] = fmaf(a, b.z, sums[2]);
    sums[3] = fmaf(a, b.w, sums[3]);
}

// Kernels that unroll over their scores are there with and without dropout: its random numbers, once for each, would be most of the code.
#define WITH_AND_WITHOUT_DROPOUT(KERNEL, name, ...) KERNEL(name, false, __VA_ARGS__) KERNEL(name##_dropout, true, __VA_ARGS__)
