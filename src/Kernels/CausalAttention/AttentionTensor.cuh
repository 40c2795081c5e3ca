// Attention on tensor cores: factors are rounded to F when they come into shared memory, sums are float32. A word of 32 bits holds one factor (TF32) or two
// neighbours; in words the operands of both instructions lie alike. With g = lane / 4, t = lane % 4: a (16 rows, 8 words) is words t and t + 4 of rows g and
// g + 8; b (8 columns, 8 words) is words t and t + 4 of column g; c (16 x 8 sums) is columns 2 t and 2 t + 1 of rows g and g + 8. (PTX ISA, mma.m16n8k8, m16n8k16.)

#if defined(CUEMU) || !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define HAS_TENSOR_CORES 1
#else
#define HAS_TENSOR_CORES 0 // the host asks for none of these kernels there
#endif

#define TILE 64 // rows of every tile

#ifdef CUEMU
// What the instruction does: each lane shows its words, and reads those of its rows and columns.
struct Shown
{
    unsigned a[4], b[2];
};

__device__ inline Shown* shown()
{
    __shared__ Shown words[THREADS];
    return words + threadIdx.x / 32 * 32;
}

template <class F>
__device__ inline void multiply_exactly(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
{
    Shown* lanes = shown();
    int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
    lanes[lane] = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
    __syncwarp();
    for (int w = 0; w < 8; w++)
    {
        int high = w >> 2, from = w & 3;
        unsigned top = lanes[4 * g + from].a[2 * high], bottom = lanes[4 * g + from].a[2 * high + 1], left = lanes[8 * t + from].b[high], right = lanes[8 * t + 4 + from].b[high];
        for (int e = 0; e < F::PER_WORD; e++)
        {
            c[0] += F::value(top, e) * F::value(left, e);
            c[1] += F::value(top, e) * F::value(right, e);
            c[2] += F::value(bottom, e) * F::value(left, e);
            c[3] += F::value(bottom, e) * F::value(right, e);
        }
    }
    __syncwarp();
}
#define TENSOR_MULTIPLY(instruction) multiply_exactly<Self>(c, a, b0, b1);
#elif HAS_TENSOR_CORES
#define TENSOR_MULTIPLY(instruction)                                                                                                             \
    asm(instruction " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                                                         \
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                                                                                         \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
#define TENSOR_MULTIPLY(instruction)
#endif

// Factors of 16 bits, two a word.
template <class T>
struct Halves
{
    enum { PER_WORD = 2, WORDS = ROW / 2 + 4, PAIR_WORDS = ROW + 8 }; // words of a row, and of a pair of rows: 8 rows of 4 words, or 4 of 8, are in different banks

    __device__ static float value(unsigned word, int e) { return widened(T{(unsigned short)(word >> 16 * e)}); }

    // Sums of two neighbouring tiles as the operand a of the next product.
    template <class F>
    __device__ static void operand(unsigned (&a)[4], const float (&sums)[2][4])
    {
        a[0] = F::word(sums[0][0], sums[0][1]);
        a[1] = F::word(sums[0][2], sums[0][3]);
        a[2] = F::word(sums[1][0], sums[1][1]);
        a[3] = F::word(sums[1][2], sums[1][3]);
    }

    // Rows of pairs that words t and t + 4 of a column are.
    __device__ static int low(int t) { return t; }
    __device__ static int high(int t) { return t + 4; }
};

struct Bf16 : Halves<bf16>
{
    typedef Bf16 Self;

    __device__ static unsigned word(float low, float high)
    {
        unsigned both = 0;
#ifdef CUEMU
        bf16 a, b;
        put(&a, low);
        put(&b, high);
        both = a.bits | (unsigned)b.bits << 16;
#elif HAS_TENSOR_CORES
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
#endif
        return both;
    }

    __device__ static void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
    {
        TENSOR_MULTIPLY("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32")
    }
};

struct Fp16 : Halves<fp16>
{
    typedef Fp16 Self;

    __device__ static unsigned word(float low, float high)
    {
        unsigned both = 0;
#ifdef CUEMU
        fp16 a, b;
        put(&a, low);
        put(&b, high);
        both = a.bits | (unsigned)b.bits << 16;
#elif HAS_TENSOR_CORES
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
#endif
        return both;
    }

    __device__ static void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
    {
        TENSOR_MULTIPLY("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32")
    }
};

struct Tf32
{
    enum { PER_WORD = 1, WORDS = ROW + 4, PAIR_WORDS = WORDS }; // a row serves as a pair of rows too

    typedef Tf32 Self;

    __device__ static float value(unsigned word, int) { return __uint_as_float(word); }

    __device__ static unsigned word(float x)
    {
        unsigned rounded = __float_as_uint(x);
#ifdef CUEMU
        if ((rounded & 0x7f800000u) != 0x7f800000u) // ties away from 0
            rounded = (rounded + 0x1000u) & ~0x1fffu;
#elif HAS_TENSOR_CORES
        asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
#endif
        return rounded;
    }

    template <class F>
    __device__ static void operand(unsigned (&a)[4], const float (&sums)[1][4])
    {
        a[0] = word(sums[0][0]);
        a[1] = word(sums[0][2]);
        a[2] = word(sums[0][1]);
        a[3] = word(sums[0][3]);
    }

    // Sums hold columns 2 t and 2 t + 1, which so become words t and t + 4: a product does not care for the order of what it adds up, if both factors have it.
    __device__ static int low(int t) { return 2 * t; }
    __device__ static int high(int t) { return 2 * t + 1; }

    __device__ static void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
    {
        TENSOR_MULTIPLY("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32")
    }
};

// 64 rows from first on, of count, into tiles of words: by rows, for products along a row, and by pairs of rows, for products along a column; either may be none.
template <class F, class T>
__device__ inline void fill_words(unsigned* by_rows, unsigned* by_pairs, const T* from, long long stride, int first, int count, int d, bool whole)
{
    const int UNITS = TILE / 2 * GROUPS / THREADS;
    float4 even[UNITS], odd[UNITS];
    int group = threadIdx.x % GROUPS;
#pragma unroll
    for (int i = 0; i < UNITS; i++)
    {
        int row = first + 2 * ((i * THREADS + threadIdx.x) / GROUPS);
        even[i] = odd[i] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (row < count)
            even[i] = four(from + row * stride, 4 * group, d, whole);
        if (row + 1 < count)
            odd[i] = four(from + (row + 1) * stride, 4 * group, d, whole);
    }
#pragma unroll
    for (int i = 0; i < UNITS; i++)
    {
        int pair = (i * THREADS + threadIdx.x) / GROUPS;
        if constexpr (F::PER_WORD == 1)
        {
            unsigned* to = (by_rows ? by_rows : by_pairs) + 2 * pair * F::WORDS + 4 * group;
            *(uint4*)to = {F::word(even[i].x), F::word(even[i].y), F::word(even[i].z), F::word(even[i].w)};
            *(uint4*)(to + F::WORDS) = {F::word(odd[i].x), F::word(odd[i].y), F::word(odd[i].z), F::word(odd[i].w)};
        }
        else
        {
            if (by_rows)
            {
                unsigned* to = by_rows + 2 * pair * F::WORDS + 2 * group;
                *(uint2*)to = {F::word(even[i].x, even[i].y), F::word(even[i].z, even[i].w)};
                *(uint2*)(to + F::WORDS) = {F::word(odd[i].x, odd[i].y), F::word(odd[i].z, odd[i].w)};
            }
            if (by_pairs)
                *(uint4*)(by_pairs + pair * F::PAIR_WORDS + 4 * group) =
                    {F::word(even[i].x, odd[i].x), F::word(even[i].y, odd[i].y), F::word(even[i].z, odd[i].z), F::word(even[i].w, odd[i].w)};
        }
    }
}

// Steps of 8 words along a row.
template <class F>
struct Steps
{
    enum { ALONG_ROW = ROW / F::PER_WORD / 8, ROW_TILES = F::PER_WORD, TILE_WORDS = TILE * F::WORDS };
};

// A warp's 16 rows of a tile as the operand a, for all steps along the row.
template <class F>
__device__ inline void read_rows(unsigned (&a)[Steps<F>::ALONG_ROW][4], const unsigned* by_rows)
{
    int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
    const unsigned* row = by_rows + ((threadIdx.x >> 5) * 16 + g) * F::WORDS + t;
#pragma unroll
    for (int step = 0; step < Steps<F>::ALONG_ROW; step++)
    {
        a[step][0] = row[8 * step];
        a[step][1] = row[8 * step + 8 * F::WORDS];
        a[step][2] = row[8 * step + 4];
        a[step][3] = row[8 * step + 8 * F::WORDS + 4];
    }
}

// sums = a b' with 8 rows of a tile from row on.
template <class F>
__device__ inline void multiply_rows(float (&sums)[4], const unsigned (&a)[Steps<F>::ALONG_ROW][4], const unsigned* by_rows, int row)
{
    int lane = threadIdx.x & 31;
    const unsigned* b = by_rows + (row + (lane >> 2)) * F::WORDS + (lane & 3);
    sums[0] = sums[1] = sums[2] = sums[3] = 0.0f;
#pragma unroll
    for (int step = 0; step < Steps<F>::ALONG_ROW; step++)
        F::multiply(sums, a[step], b[8 * step], b[8 * step + 4]);
}

// sums [16 x 64] += a b with 8 words of pairs of rows, from the word's first on.
template <class F>
__device__ inline void multiply_pairs(float (&sums)[ROW / 8][4], const unsigned (&a)[4], const unsigned* by_pairs, int pair)
{
    int lane = threadIdx.x & 31, t = lane & 3;
    const unsigned *low = by_pairs + (pair + F::low(t)) * F::PAIR_WORDS + (lane >> 2), *high = by_pairs + (pair + F::high(t)) * F::PAIR_WORDS + (lane >> 2);
#pragma unroll
    for (int n = 0; n < ROW / 8; n++)
        F::multiply(sums[n], a, low[8 * n], high[8 * n]);
}
