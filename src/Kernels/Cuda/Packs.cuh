// Numbers that lie side by side and are moved at once, in accesses of 16 bytes: a quarter of the instructions for the same bytes, and four times as many bytes
// under way. All addresses are multiples of 16 bytes: the host sees to that (CudaPacks.cs).

template <class T, int N>
struct alignas(sizeof(T) * N) Pack
{
    T at[N];
};

// N numbers, in as many packs as they fill; one number is N = 1.
template <class T, int N>
struct Run
{
    static constexpr int WIDTH = N * sizeof(T) <= 16 ? N : 16 / sizeof(T);
    Pack<T, WIDTH> part[N / WIDTH];

    __device__ __forceinline__ float get(int i) const { return widened(part[i / WIDTH].at[i % WIDTH]); }

    __device__ __forceinline__ void set(int i, float value) { put(&part[i / WIDTH].at[i % WIDTH], value); }

    // In place, as `store` does.
    __device__ __forceinline__ void store_at(int i, float value, float beta) { store(&part[i / WIDTH].at[i % WIDTH], value, beta); }
};

template <int N, class T>
__device__ __forceinline__ Run<T, N> take(const T* from)
{
    Run<T, N> run;
#pragma unroll
    for (int i = 0; i < N / Run<T, N>::WIDTH; i++)
        run.part[i] = ((const Pack<T, Run<T, N>::WIDTH>*)from)[i];
    return run;
}

template <int N, class T>
__device__ __forceinline__ void give(T* to, const Run<T, N>& run)
{
#pragma unroll
    for (int i = 0; i < N / Run<T, N>::WIDTH; i++)
        ((Pack<T, Run<T, N>::WIDTH>*)to)[i] = run.part[i];
}

// One number N times.
template <int N, class T>
__device__ __forceinline__ Run<T, N> repeated(T value)
{
    Run<T, N> run;
#pragma unroll
    for (int i = 0; i < N; i++)
        run.part[i / Run<T, N>::WIDTH].at[i % Run<T, N>::WIDTH] = value;
    return run;
}

// Numbers 0 to count by threads that each have UNROLL packs of N, a block's side by side. All that a thread reads is under way before the first of it is used.
// `op` has Held<N>, what it reads; load<N>(i) reads it, finish<N>(i, held) writes the numbers i to i + N. The rest, fewer than N, goes number by number,
// where HAS_REST says that there may be one. All is inlined: what a kernel is given by value must not be copied to local memory to have an address.
template <int N, int UNROLL, bool HAS_REST = true, class Op>
__device__ __forceinline__ void in_packs(int count, const Op& op)
{
    unsigned packs = (unsigned)count / N, first = blockIdx.x * (blockDim.x * UNROLL) + threadIdx.x;
    typename Op::template Held<N> held[UNROLL];
#pragma unroll
    for (int k = 0; k < UNROLL; k++)
    {
        if (first + k * blockDim.x < packs)
            held[k] = op.template load<N>((first + k * blockDim.x) * N);
    }
#pragma unroll
    for (int k = 0; k < UNROLL; k++)
    {
        if (first + k * blockDim.x < packs)
            op.template finish<N>((first + k * blockDim.x) * N, held[k]);
    }
    if (N > 1 && HAS_REST && blockIdx.x == 0 && packs * N + threadIdx.x < (unsigned)count)
    {
        typename Op::template Held<1> rest = op.template load<1>(packs * N + threadIdx.x);
        op.template finish<1>(packs * N + threadIdx.x, rest);
    }
}

// Numbers of a pack: 16 bytes.
#define PACKED(T) (16 / (int)sizeof(T))
