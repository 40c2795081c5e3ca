// Correct kernels that use what CUDA C offers here: the emulator's tests run them, and clang compiles them to PTX.

template <class T>
__device__ __forceinline__ T warp_sum(T v)
{
#pragma unroll
    for (int o = 16; o > 0; o >>= 1)
        v += __shfl_xor_sync(0xffffffffu, v, o);
    return v;
}

// One block a row: y[row] is the sum of a row.
extern "C" __global__ void __launch_bounds__(256) row_sums(const float* __restrict__ x, float* __restrict__ y, int columns)
{
    __shared__ float parts[32];
    float v = 0;
    for (int i = threadIdx.x; i < columns; i += blockDim.x)
        v += x[(size_t)blockIdx.x * columns + i];
    v = warp_sum(v);
    if ((threadIdx.x & 31) == 0)
        parts[threadIdx.x >> 5] = v;
    __syncthreads();
    if (threadIdx.x < 32)
    {
        v = warp_sum(threadIdx.x < blockDim.x / 32 ? parts[threadIdx.x] : 0.0f);
        if (threadIdx.x == 0)
            y[blockIdx.x] = v;
    }
}

// C = A B by tiles in shared memory: a block of T x T threads makes a tile of C.
template <int T>
__global__ void tiled_product(const float* a, const float* b, float* c, int m, int n, int k)
{
    __shared__ float as[T][T + 1], bs[T][T + 1];
    int row = blockIdx.y * T + threadIdx.y, column = blockIdx.x * T + threadIdx.x;
    float sum = 0;
    for (int start = 0; start < k; start += T)
    {
        int x = start + threadIdx.x, y = start + threadIdx.y;
        as[threadIdx.y][threadIdx.x] = row < m && x < k ? a[(size_t)row * k + x] : 0.0f;
        bs[threadIdx.y][threadIdx.x] = y < k && column < n ? b[(size_t)y * n + column] : 0.0f;
        __syncthreads();
        for (int i = 0; i < T; i++)
            sum += as[threadIdx.y][i] * bs[i][threadIdx.x];
        __syncthreads();
    }
    if (row < m && column < n)
        c[(size_t)row * n + column] = sum;
}
template __global__ void tiled_product<8>(const float*, const float*, float*, int, int, int);

// Reverses n numbers by way of dynamic shared memory.
extern "C" __global__ void reverse(float* x, int n)
{
    extern __shared__ float held[];
    held[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = held[n - 1 - threadIdx.x];
}

// counts[0] counts, [1] is the largest, [2] the smallest, [3] the number of threads with an odd value, seen by votes.
extern "C" __global__ void tally(const int* x, int* counts)
{
    int v = x[threadIdx.x];
    atomicAdd(&counts[0], 1);
    atomicMax(&counts[1], v);
    atomicMin(&counts[2], v);
    unsigned odd = __ballot_sync(0xffffffffu, v & 1);
    if (threadIdx.x == 0)
        counts[3] = __popc(odd);
}

// Every type that shuffles, every direction; the sums come out whole.
extern "C" __global__ void shuffles(const float4* x, double* y)
{
    float4 v = __ldg(x + threadIdx.x);
    double sum = __shfl_sync(0xffffffffu, (double)v.x, 0) + __shfl_up_sync(0xffffffffu, (int)v.y, 1) + __shfl_down_sync(0xffffffffu, (unsigned)v.z, 1);
    sum += (double)__shfl_xor_sync(0xffffffffu, (long long)v.w, 1) + __shfl_sync(0xffffffffu, (unsigned long long)v.w, 3, 8);
    y[threadIdx.x] = sum;
}

// Functions that NVRTC has built in.
extern "C" __global__ void functions(const float* x, float* y)
{
    float v = x[threadIdx.x];
    y[threadIdx.x] = expf(v) + logf(1 + fabsf(v)) + tanhf(v) + erff(v) + rsqrtf(1 + v * v) + fmaxf(v, 0.5f) + max(1, 2) + __int_as_float(__float_as_int(v)) + floorf(v);
}
