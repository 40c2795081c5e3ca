// Put before every .cu file. Neither NVRTC nor the emulator of tests/CudaEmulator offers standard headers: what is used is built in or stands here.

// Every element once, whatever the grid.
#define OVER_ELEMENTS(i, count) \
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < (count); i += (long long)gridDim.x * blockDim.x)

#define INFINITY_BITS 0x7f800000
#define NAN_BITS 0x7fc00000

// Extents or strides, as Axes.cs lays them out.
struct Axes
{
    int rank;
    long long d[6];
};

// index / extent of numbers that are not negative: a division of 64 bits takes some hundred instructions, most need none.
__device__ inline long long quotient(long long index, long long extent)
{
    return (index | extent) >> 32 == 0 ? (long long)((unsigned)index / (unsigned)extent) : index / extent;
}

// A pixel of a batch of images.
struct Pixel
{
    long long n;
    int h, w;
};

// The pixel of a number: images, rows and columns in order.
__device__ inline Pixel pixel_of(long long index, int height, int width)
{
    long long row = quotient(index, width), n = quotient(row, height);
    return {n, (int)(row - n * height), (int)(index - row * width)};
}

// Offset of an element of a row-major array of these extents, in an array with other strides. Axes are named by constants: an index that is known at run time alone
// would have every thread copy both arrays to local memory first.
__device__ inline long long offset_of(const Axes& extents, long long index, const Axes& strides)
{
    long long offset = 0;
#pragma unroll
    for (int i = 5; i > 0; i--)
    {
        if (i < extents.rank)
        {
            long long extent = extents.d[i], next = quotient(index, extent);
            offset += (index - next * extent) * strides.d[i];
            index = next;
        }
    }
    return extents.rank > 0 ? offset + index * strides.d[0] : 0;
}

// Numbers as they lie in memory: float, or 16 bits that are widened when they are read and rounded to nearest when they are written. Arithmetic is in float.
struct bf16
{
    unsigned short bits;
};

struct fp16
{
    unsigned short bits;
};

__device__ inline float widened(float value) { return value; }

__device__ inline float widened(bf16 value) { return __uint_as_float((unsigned int)value.bits << 16); }

__device__ inline float widened(fp16 value)
{
#ifdef CUEMU
    _Float16 half;
    __builtin_memcpy(&half, &value.bits, sizeof half);
    return half;
#else
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
    return wide;
#endif
}

__device__ inline void put(float* destination, float value) { *destination = value; }

__device__ inline void put(bf16* destination, float value)
{
    unsigned int bits = __float_as_uint(value); // ties go to the even number; NaN stays NaN
    destination->bits = (unsigned short)(value != value ? bits >> 16 | 0x40 : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// What is beyond the largest number becomes infinite.
__device__ inline void put(fp16* destination, float value)
{
    unsigned short bits;
#ifdef CUEMU
    _Float16 half = (_Float16)value;
    __builtin_memcpy(&bits, &half, sizeof bits);
#else
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#endif
    destination->bits = bits;
}

// Kernels that there are for numbers of every type in memory: KERNEL(suffix of the name, type).
#define FOR_STORED(KERNEL) KERNEL(, float) FOR_NARROW(KERNEL)
#define FOR_NARROW(KERNEL) KERNEL(_bf16, bf16) KERNEL(_fp16, fp16)

// How every kernel with a beta writes: 0 does not read, so that old NaNs cannot leak.
template <class T>
__device__ inline void store(T* destination, float value, float beta)
{
    put(destination, beta == 0.0f ? value : beta * widened(*destination) + value);
}

// The larger or smaller; NaN wins, as in the other kernel sets.
template <class T>
__device__ inline T larger(T a, T b) { return a != a || a > b ? a : b; }

template <class T>
__device__ inline T smaller(T a, T b) { return a != a || a < b ? a : b; }

enum FusedActivation // in the order of FusedActivation.cs
{
    FusedNone, FusedReLU, FusedReLU6,
};

// What follows a convolution's sum, bias and residual. NaN stays.
__device__ inline float activated(float value, int activation)
{
    if (activation != FusedNone && value < 0.0f)
        return 0.0f;
    return activation == FusedReLU6 && value > 6.0f ? 6.0f : value;
}

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

// Rows first to first + ROWS of an array of count rows, into shared memory whose rows have a number of padding, by all threads of a block of one axis; 0 behind
// the last row.
template <int ROWS, int PADDED, class T>
__device__ void load_tile(float (&tile)[ROWS][PADDED], const T* from, long long stride, int first, int count, int columns)
{
    for (int e = threadIdx.x; e < ROWS * (PADDED - 1); e += blockDim.x)
    {
        int row = e / (PADDED - 1), column = e % (PADDED - 1);
        if (column < columns)
            tile[row][column] = first + row < count ? widened(from[(first + row) * stride + column]) : 0.0f;
    }
}

// A kernel that is launched as chained starts while the one before it still runs (programmatic dependent launch, PTX ISA griddepcontrol): what does not depend on that
// one, such as weights, is loaded first. await_previous returns when all that the one before wrote is there, and comes before any other access to what work before
// makes or reads; release_next lets the next kernel begin. Where it comes first, kernels begin far ahead: what one loads before it waits must have been there when the chain's
// first kernel, which is launched plainly, began. Launched plainly, both do nothing.
__device__ inline void await_previous()
{
#if !defined(CUEMU) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ inline void release_next()
{
#if !defined(CUEMU) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// Loads of 16 and 8 bytes where has is true, 0 elsewhere. The order of these and of await_previous is that of the program.
#ifdef CUEMU
#define LOAD4(name, how, V, type, letter) \
    __device__ inline V name(const V* from, bool has) { return has ? *from : V{0, 0, 0, 0}; }
#define LOAD2(name, how, V, type, letter) \
    __device__ inline V name(const V* from, bool has) { return has ? *from : V{0, 0}; }
#else
#define LOAD4(name, how, V, type, letter)                                                                                                        \
    __device__ inline V name(const V* from, bool has)                                                                                            \
    {                                                                                                                                            \
        V v;                                                                                                                                     \
        asm volatile("{\n.reg .pred p;\nsetp.ne.s32 p, %5, 0;\nmov.b32 %0, 0;\nmov.b32 %1, 0;\nmov.b32 %2, 0;\nmov.b32 %3, 0;\n"                   \
                     "@p ld.global." how ".v4." type " {%0, %1, %2, %3}, [%4];\n}"                                                              \
                     : "=" letter(v.x), "=" letter(v.y), "=" letter(v.z), "=" letter(v.w) : "l"(from), "r"((int)has));                           \
        return v;                                                                                                                                \
    }
#define LOAD2(name, how, V, type, letter)                                                                                                        \
    __device__ inline V name(const V* from, bool has)                                                                                            \
    {                                                                                                                                            \
        V v;                                                                                                                                     \
        asm volatile("{\n.reg .pred p;\nsetp.ne.s32 p, %3, 0;\nmov.b32 %0, 0;\nmov.b32 %1, 0;\n@p ld.global." how ".v2." type " {%0, %1}, [%2];\n}" \
                     : "=" letter(v.x), "=" letter(v.y) : "l"(from), "r"((int)has));                                                             \
        return v;                                                                                                                                \
    }
#endif

// Weights: read once, and not kept in the L1 cache.
LOAD4(streamed, "nc.L1::no_allocate", float4, "f32", "f")
LOAD4(streamed, "nc.L1::no_allocate", uint4, "u32", "r")
LOAD2(streamed, "nc.L1::no_allocate", uint2, "u32", "r")

// What the previous kernel of a chain, or another block, wrote: from the L2 cache, as the L1 cache may hold what was there before.
LOAD4(fresh, "cg", float4, "f32", "f")

// A number where has is true, 0 elsewhere: no branch, so that nobody waits for it before it is used.
__device__ inline float fresh(const float* from, bool has)
{
#ifdef CUEMU
    return has ? *from : 0.0f;
#else
    float v;
    asm volatile("{\n.reg .pred p;\nsetp.ne.s32 p, %2, 0;\nmov.b32 %0, 0;\n@p ld.global.cg.f32 %0, [%1];\n}" : "=f"(v) : "l"(from), "r"((int)has));
    return v;
#endif
}

__device__ inline float fresh(const float* from)
{
#ifdef CUEMU
    return *from;
#else
    float v;
    asm volatile("ld.global.cg.f32 %0, [%1];" : "=f"(v) : "l"(from));
    return v;
#endif
}

__device__ inline int fresh(const int* from)
{
#ifdef CUEMU
    return *from;
#else
    int v;
    asm volatile("ld.global.cg.s32 %0, [%1];" : "=r"(v) : "l"(from));
    return v;
#endif
}

// True in the last block of so many that share a ticket, with what the others wrote before in sight (by fresh). Every thread must call it; the ticket, 0 before, is 0
// again afterwards. Which block comes last is chance: it joins the parts of all in an order of their own.
__device__ inline bool is_last(unsigned int* ticket, unsigned int blocks)
{
    __shared__ int last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0)
    {
        last = atomicAdd(ticket, 1u) == blocks - 1;
        if (last)
            *ticket = 0;
        __threadfence();
    }
    __syncthreads();
    return last;
}

// Dropout's random numbers are those of Philox.cs, so that backward makes them anew.
struct Words
{
    unsigned int word[4];
};

// Four random words; Philox4x32-10. Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3.
__device__ inline Words philox(unsigned long long seed, unsigned long long block)
{
    unsigned int c0 = (unsigned int)block, c1 = (unsigned int)(block >> 32), c2 = 0, c3 = 0, k0 = (unsigned int)seed, k1 = (unsigned int)(seed >> 32);
    for (int round = 0; round < 10; round++)
    {
        unsigned long long p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
        unsigned int n0 = (unsigned int)(p1 >> 32) ^ c1 ^ k0, n2 = (unsigned int)(p0 >> 32) ^ c3 ^ k1;
        c1 = (unsigned int)p1;
        c3 = (unsigned int)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

// A word as a number in 0 (included) to 1 (excluded).
__device__ inline float unit(unsigned int word) { return (word >> 8) * (1.0f / (1 << 24)); }

// What an element is multiplied by under dropout, where a thread owns no four neighbours.
__device__ inline float dropped(unsigned long long seed, long long element, float rate)
{
    Words words = philox(seed, element / 4);
    int k = (int)(element % 4);
    unsigned int word = k == 0 ? words.word[0] : k == 1 ? words.word[1] : k == 2 ? words.word[2] : words.word[3];
    return unit(word) >= rate ? 1.0f / (1.0f - rate) : 0.0f;
}


// One tensor of an optimizer's step, as StepTable.Cuda.cs lays it out, and the first block that works on it.
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
