// Put before every .cu file. Neither NVRTC nor the emulator of tests/CudaEmulator offers standard headers: what is used is built in or stands here.

// Every element once, whatever the grid.
#define OVER_ELEMENTS(i, count) \
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < (count); i += (long long)gridDim.x * blockDim.x)

#define INFINITY_BITS 0x7f800000

// Extents or strides, as Axes.cs lays them out.
struct Axes
{
    int rank;
    long long d[6];
};

// Offset of an element of a row-major array of these extents, in an array with other strides.
__device__ inline long long offset_of(const Axes& extents, long long index, const Axes& strides)
{
    if (extents.rank == 1)
        return index * strides.d[0];
    long long offset = 0;
    for (int i = extents.rank - 1; i >= 0; i--)
    {
        long long extent = extents.d[i], next;
        if ((index | extent) >> 32 == 0) // a division of 64 bits takes some hundred instructions
            next = (unsigned)index / (unsigned)extent;
        else
            next = index / extent;
        offset += (index - next * extent) * strides.d[i];
        index = next;
    }
    return offset;
}

// How every kernel with a beta writes: 0 does not read, so that old NaNs cannot leak.
__device__ inline void store(float* destination, float value, float beta)
{
    *destination = beta == 0.0f ? value : beta * *destination + value;
}

// The larger or smaller; NaN wins, as in the other kernel sets.
template <class T>
__device__ inline T larger(T a, T b) { return a != a || a > b ? a : b; }

template <class T>
__device__ inline T smaller(T a, T b) { return a != a || a < b ? a : b; }

struct Sum
{
    template <class T>
    __device__ static T join(T a, T b) { return a + b; }
};

struct Largest
{
    template <class T>
    __device__ static T join(T a, T b) { return larger(a, b); }
};

struct Smallest
{
    template <class T>
    __device__ static T join(T a, T b) { return smaller(a, b); }
};

// Joins the numbers of all threads of a block of one axis, whole warps of them, and gives the result to each. Every thread must call it.
// The order is fixed by the number of threads.
template <class Rule, class T>
__device__ T block_join(T value)
{
    __shared__ T parts[32];
    for (int step = 16; step > 0; step >>= 1)
        value = Rule::join(value, __shfl_xor_sync(0xffffffffu, value, step));
    int warps = blockDim.x >> 5;
    if (warps == 1)
        return value;
    if ((threadIdx.x & 31) == 0)
        parts[threadIdx.x >> 5] = value;
    __syncthreads();
    T all = parts[0];
    for (int warp = 1; warp < warps; warp++)
        all = Rule::join(all, parts[warp]);
    __syncthreads(); // the next call writes the parts anew
    return all;
}

// The smoothed label of a class, as ClassLossGeometry.cs has it: 0 throughout a row whose index names no class.
__device__ inline float class_label(const float* labels, size_t row, int k, int classes, int sparse, float smoothing)
{
    if (!sparse)
        return labels[row * classes + k] * (1.0f - smoothing) + smoothing / classes;
    float index = labels[row];
    return index >= 0.0f && index < classes ? (k == (int)index ? 1.0f - smoothing : 0.0f) + smoothing / classes : 0.0f;
}

// One tensor of an optimizer's step, as StepTensor.cs lays it out, and the first block that works on it.
struct StepEntry
{
    long long count;
    float* w;
    const float* g;
    float *a, *b, *c;
    float factor, limit;
    long long first_block;
};

#define STEP_CHUNK 4096 // numbers of a block, as in StepTable.Cuda.cs

// The tensor that this block works on.
__device__ inline const StepEntry& step_entry(const StepEntry* entries, int tensors)
{
    int low = 0, high = tensors - 1;
    while (low < high)
    {
        int middle = (low + high + 1) / 2;
        if (entries[middle].first_block <= blockIdx.x)
            low = middle;
        else
            high = middle - 1;
    }
    return entries[low];
}

// The numbers of this block, one a thread and stride.
#define OVER_STEP(i, entry)                                                                                                             \
    for (long long first = (blockIdx.x - (entry).first_block) * STEP_CHUNK, i = first + threadIdx.x;                                    \
        i < min((entry).count, first + STEP_CHUNK); i += blockDim.x)

// The gradient as the step takes it: scaled, then limited.
__device__ inline float step_gradient(const StepEntry& entry, long long i)
{
    float g = entry.g[i] * entry.factor;
    return entry.limit == __int_as_float(INFINITY_BITS) ? g : smaller(larger(g, -entry.limit), entry.limit);
}
