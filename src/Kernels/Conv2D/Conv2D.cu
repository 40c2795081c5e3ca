// Convolution of NHWC images, two ways.
//
// Naive: a thread owns one number of the result and reads its whole window; the weight's gradient gives a block to each weight. For few channels a group,
// where tiles would be mostly empty.
//
// Tiled: all three directions are one matrix product whose operands are read where they lie (an implicit GEMM: no patches are copied):
//   y  [output pixel, o] = sum over (r,s,c)       of x [pixel of the window, c]  w [o, (r,s,c)]
//   dx [input pixel, c]  = sum over (r,s,o)       of dy [window over it, o]      w [(r,s,o), c]
//   dw [o, (r,s,c)]      = sum over output pixels of dy [pixel, o]               x [pixel of the window, c]
// A block of 256 threads owns 64 x 64 numbers; it brings 64 x 16 of each operand to shared memory, and a thread sums 4 x 4. Bound by arithmetic. With strides
// the second multiplies by zeros where no window covers a pixel. Sums are in float and in one order that the sizes decide.

#define SIDE 64
#define DEPTH 16
#define OWN 4 // rows and columns of a thread
#define LOADS (SIDE * DEPTH / 256)
#define ROW_STEP (256 / DEPTH)

struct Convolution // as Conv2DSizes.Cuda.cs lays it out
{
    int n, h, w, c, o, r, s, stride_h, stride_w, dilation_h, dilation_w, top, left, groups, out_h, out_w;

    __device__ int group_c() const { return c / groups; }
    __device__ int group_o() const { return o / groups; }
    __device__ long long depth() const { return (long long)r * s * group_c(); } // products of an output
};

struct Layout // as ImageLayout.cs lays it out
{
    long long image, row;
    int pixel;

    __device__ long long at(const Pixel& p) const { return p.n * image + p.h * row + (long long)p.w * pixel; }
};

// What happens to a sum before it is stored.
template <class T>
struct Epilogue
{
    const float* b;    // null: none
    const T* residual; // null: none
    Layout layout;             // of the residual
    int activation;

    __device__ float apply(float sum, const Pixel& p, int o) const
    {
        if (b)
            sum += b[o];
        if (residual)
            sum += widened(residual[layout.at(p) + o]);
        return activated(sum, activation);
    }
};

// The output pixel of a number. With pooling four numbers in a row are the pixels of one window, else images, rows and columns go in order.
__device__ inline Pixel output_pixel(const Convolution& g, long long index, int pool)
{
    if (!pool)
        return pixel_of(index, g.out_h, g.out_w);
    Pixel p = pixel_of(index >> 2, g.out_h / 2, g.out_w / 2);
    return {p.n, 2 * p.h + ((int)index >> 1 & 1), 2 * p.w + ((int)index & 1)};
}

// A place of the filter, and a channel.
struct Tap
{
    int r, s, c;
};

__device__ inline Tap tap_of(const Convolution& g, long long k, int channels)
{
    int tap = (int)quotient(k, channels), r = tap / g.s;
    return {r, tap - r * g.s, (int)(k - (long long)tap * channels)};
}

// ---- operands: `row` and `depth` are decoded once, `at` gives the number where both meet ----

// x: row is an output pixel, depth is (r,s,c).
template <class T>
struct Patches
{
    static const bool depth_lies_close = true;
    const T* x; // the group's first channel
    Convolution g;
    Layout layout;
    int pool;

    struct Row
    {
        const T* image;
        int h, w;
    };

    struct Depth
    {
        int h, w, c;
    };

    __device__ Row row(long long i) const
    {
        Pixel p = output_pixel(g, i, pool);
        return {x + p.n * layout.image, p.h * g.stride_h - g.top, p.w * g.stride_w - g.left};
    }

    __device__ Depth depth(long long k) const
    {
        Tap t = tap_of(g, k, g.group_c());
        return {t.r * g.dilation_h, t.s * g.dilation_w, t.c};
    }

    __device__ float at(const Row& row, const Depth& depth) const
    {
        int h = row.h + depth.h, w = row.w + depth.w;
        return h >= 0 && h < g.h && w >= 0 && w < g.w ? widened(row.image[h * layout.row + (long long)w * layout.pixel + depth.c]) : 0.0f;
    }
};

// A matrix: number (row, depth) lies at row * row_step + depth * depth_step.
template <class T>
struct Matrix
{
    static const bool depth_lies_close = true;
    typedef long long Row, Depth;
    const T* numbers;
    long long row_step, depth_step;

    __device__ Row row(long long i) const { return i * row_step; }
    __device__ Depth depth(long long k) const { return k * depth_step; }
    __device__ float at(Row row, Depth depth) const { return widened(numbers[row + depth]); }
};

// dy: row is an input pixel, depth is (r,s,o).
struct Windows
{
    static const bool depth_lies_close = true;
    const float* dy; // the group's first channel
    Convolution g;

    struct Row
    {
        const float* image;
        int h, w;
    };

    struct Depth
    {
        int h, w, o;
    };

    __device__ Row row(long long i) const
    {
        Pixel p = pixel_of(i, g.h, g.w);
        return {dy + p.n * g.out_h * g.out_w * g.o, p.h + g.top, p.w + g.left};
    }

    __device__ Depth depth(long long k) const
    {
        Tap t = tap_of(g, k, g.group_o());
        return {t.r * g.dilation_h, t.s * g.dilation_w, t.c};
    }

    __device__ float at(const Row& row, const Depth& depth) const
    {
        int down = row.h - depth.h, across = row.w - depth.w;
        if (down < 0 || across < 0)
            return 0.0f;
        int p = g.stride_h == 1 ? down : down / g.stride_h, q = g.stride_w == 1 ? across : across / g.stride_w;
        bool covers = p * g.stride_h == down && q * g.stride_w == across && p < g.out_h && q < g.out_w;
        return covers ? row.image[((long long)p * g.out_w + q) * g.o + depth.o] : 0.0f;
    }
};

// w: row is an input channel, depth is (r,s,o).
struct WeightsOfInput
{
    static const bool depth_lies_close = false;
    typedef long long Row, Depth;
    const float* w; // the group's first output channel
    Convolution g;

    __device__ Row row(long long i) const { return i; }

    __device__ Depth depth(long long k) const
    {
        Tap t = tap_of(g, k, g.group_o());
        return (((long long)t.c * g.r + t.r) * g.s + t.s) * g.group_c();
    }

    __device__ float at(Row row, Depth depth) const { return w[row + depth]; }
};

// The same numbers with rows and depth exchanged.
template <class Operand>
struct Transposed
{
    static const bool depth_lies_close = !Operand::depth_lies_close;
    typedef typename Operand::Depth Row;
    typedef typename Operand::Row Depth;
    Operand operand;

    __device__ Row row(long long i) const { return operand.depth(i); }
    __device__ Depth depth(long long k) const { return operand.row(k); }
    __device__ float at(const Row& row, const Depth& depth) const { return operand.at(depth, row); }
};

// ---- the product ----

// Brings SIDE rows of an operand to shared memory, DEPTH deep; neighbouring threads read numbers that lie close.
template <class Operand>
struct Loader
{
    static const int Rows = Operand::depth_lies_close ? LOADS : 1;
    Operand operand;
    long long first, count; // rows of the tile, rows of the operand
    typename Operand::Row rows[Rows];

    __device__ Loader(const Operand& from, long long first_row, long long row_count) : operand(from), first(first_row), count(row_count)
    {
        for (int i = 0; i < Rows; i++)
            rows[i] = operand.row(min(first + place(i), count - 1));
    }

    __device__ static int place(int i) { return Operand::depth_lies_close ? (int)threadIdx.x / DEPTH + i * ROW_STEP : (int)threadIdx.x % SIDE; }

    __device__ void load(float (*tile)[SIDE + OWN], long long from, long long end) const
    {
        if (Operand::depth_lies_close)
        {
            int k = threadIdx.x % DEPTH;
            bool exists = from + k < end;
            typename Operand::Depth depth = operand.depth(exists ? from + k : from);
            for (int i = 0; i < LOADS; i++)
                tile[k][place(i)] = exists && first + place(i) < count ? operand.at(rows[i % Rows], depth) : 0.0f;
            return;
        }
        for (int i = 0; i < LOADS; i++)
        {
            int k = threadIdx.x / SIDE + i * (DEPTH / LOADS);
            bool exists = from + k < end && first + place(0) < count;
            tile[k][place(0)] = exists ? operand.at(rows[0], operand.depth(from + k)) : 0.0f;
        }
    }
};

// What a block has of both operands: the same memory whatever they are.
struct Tiles
{
    float rows[DEPTH][SIDE + OWN], columns[DEPTH][SIDE + OWN];
};

__device__ inline Tiles& shared_tiles()
{
    __shared__ Tiles tiles;
    return tiles;
}

// A thread's 4 x 4 sums of products over depths from .. end - 1. All threads of a block call it.
template <class A, class B>
__device__ void multiply(const Loader<A>& a, const Loader<B>& b, long long from, long long end, float (&sums)[OWN][OWN])
{
    float(&rows)[DEPTH][SIDE + OWN] = shared_tiles().rows, (&columns)[DEPTH][SIDE + OWN] = shared_tiles().columns;
    int row = threadIdx.x / (SIDE / OWN) * OWN, column = threadIdx.x % (SIDE / OWN) * OWN;
    for (int i = 0; i < OWN * OWN; i++)
        sums[i / OWN][i % OWN] = 0.0f;
    for (long long k = from; k < end; k += DEPTH)
    {
        a.load(rows, k, end);
        b.load(columns, k, end);
        __syncthreads();
#pragma unroll
        for (int d = 0; d < DEPTH; d++)
        {
#pragma unroll
            for (int i = 0; i < OWN; i++)
            {
#pragma unroll
                for (int j = 0; j < OWN; j++)
                    sums[i][j] += rows[d][row + i] * columns[d][column + j];
            }
        }
        __syncthreads();
    }
}

// The tile of a block: groups, rows, and columns, which change fastest, in blockIdx.x.
struct Tile
{
    long long first_row, row; // of the tile, of this thread
    int group, first_column, column;

    __device__ Tile(long long row_count, int column_count)
    {
        long long columns = (column_count + SIDE - 1) / SIDE, rows = (row_count + SIDE - 1) / SIDE, tile = blockIdx.x / columns;
        first_column = (int)(blockIdx.x - tile * columns) * SIDE;
        group = (int)(tile / rows);
        first_row = (tile - group * rows) * SIDE;
        row = first_row + threadIdx.x / (SIDE / OWN) * OWN;
        column = first_column + threadIdx.x % (SIDE / OWN) * OWN;
    }
};

template <class T>
__device__ inline void forward_tiled(const T* x, const T* w, const float* b, const T* residual, T* y, const Convolution& g, const Layout& from, const Layout& beside, const Layout& to,
    int activation, int pool)
{
    long long pixels = pool ? 4LL * g.n * (g.out_h / 2) * (g.out_w / 2) : (long long)g.n * g.out_h * g.out_w;
    Tile tile(pixels, g.group_o());
    Patches<T> patches = {x + tile.group * g.group_c(), g, from, pool};
    Matrix<T> weights = {w + tile.group * g.group_o() * g.depth(), g.depth(), 1};
    float sums[OWN][OWN];
    multiply(Loader<Patches<T>>(patches, tile.first_row, pixels), Loader<Matrix<T>>(weights, tile.first_column, g.group_o()), 0, g.depth(), sums);
    Epilogue<T> epilogue = {b, residual, beside, activation};
    for (int j = 0; j < OWN && tile.column + j < g.group_o(); j++)
    {
        int o = tile.group * g.group_o() + tile.column + j;
        float most = 0.0f;
        for (int i = 0; i < OWN && tile.row + i < pixels; i++)
        {
            Pixel p = output_pixel(g, tile.row + i, pool);
            float value = epilogue.apply(sums[i][j], p, o);
            if (!pool)
                put(y + to.at(p) + o, value);
            most = i == 0 ? value : larger(most, value);
            if (pool && i == OWN - 1)
                put(y + to.at({p.n, p.h / 2, p.w / 2}) + o, most);
        }
    }
}

#define FORWARD_TILED(suffix, T)                                                                                                                              \
    extern "C" __global__ void conv2d_forward_tiled##suffix(const T* x, const T* w, const float* b, const T* residual, T* y, Convolution g, Layout from,     \
        Layout beside, Layout to, int activation, int pool)                                                                                                  \
    {                                                                                                                                                         \
        forward_tiled(x, w, b, residual, y, g, from, beside, to, activation, pool);                                                                           \
    }
FOR_STORED(FORWARD_TILED)

// One output, without its epilogue.
template <class T>
__device__ inline float window_sum(const T* x, const T* w, const Convolution& g, const Layout& from, const Pixel& p, int o)
{
    int channels = g.group_c();
    const T *image = x + p.n * from.image + o / g.group_o() * channels, *weights = w + o * g.depth();
    float sum = 0.0f;
    for (int r = 0; r < g.r; r++)
    {
        int h = p.h * g.stride_h + r * g.dilation_h - g.top;
        if (h < 0 || h >= g.h)
            continue;
        for (int s = 0; s < g.s; s++)
        {
            int v = p.w * g.stride_w + s * g.dilation_w - g.left;
            if (v < 0 || v >= g.w)
                continue;
            const T *pixel = image + h * from.row + (long long)v * from.pixel, *tap = weights + ((long long)r * g.s + s) * channels;
            for (int c = 0; c < channels; c++)
                sum += widened(pixel[c]) * widened(tap[c]);
        }
    }
    return sum;
}

// Stores outputs, or the largest of each 2 x 2, whose sums `sum(pixel, o)` gives.
template <class Sums, class T>
__device__ void store_outputs(const Sums& sums, const Epilogue<T>& epilogue, T* y, const Convolution& g, const Layout& to, int pool, long long count)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, g.o);
        int o = (int)(i - pixel * g.o);
        if (!pool)
        {
            Pixel p = pixel_of(pixel, g.out_h, g.out_w);
            put(y + to.at(p) + o, epilogue.apply(sums(p, o), p, o));
            continue;
        }
        float most = -__int_as_float(INFINITY_BITS);
        for (int j = 0; j < 4; j++)
        {
            Pixel p = output_pixel(g, 4 * pixel + j, pool);
            most = larger(most, epilogue.apply(sums(p, o), p, o));
        }
        put(y + to.at(pixel_of(pixel, g.out_h / 2, g.out_w / 2)) + o, most);
    }
}

template <class T>
struct WindowSums
{
    const T *x, *w;
    const Convolution& g;
    Layout from;

    __device__ float operator()(const Pixel& p, int o) const { return window_sum(x, w, g, from, p, o); }
};

#define FORWARD_NAIVE(suffix, T)                                                                                                                              \
    extern "C" __global__ void conv2d_forward_naive##suffix(const T* x, const T* w, const float* b, const T* residual, T* y, long long count, Convolution g,  \
        Layout from, Layout beside, Layout to, int activation, int pool)                                                                                      \
    {                                                                                                                                                         \
        store_outputs(WindowSums<T>{x, w, g, from}, Epilogue<T>{b, residual, beside, activation}, y, g, to, pool, count);                                     \
    }
FOR_STORED(FORWARD_NAIVE)

template <class T>
struct StoredSums
{
    const T* sums; // dense
    Convolution g;

    __device__ float operator()(const Pixel& p, int o) const { return widened(sums[((p.n * g.out_h + p.h) * g.out_w + p.w) * g.o + o]); }
};

// The epilogue for sums that a library has stored; y may be the same memory, where it is dense and not pooled.
#define EPILOGUE(suffix, T)                                                                                                                                   \
    extern "C" __global__ void conv2d_epilogue##suffix(const T* sums, const float* b, const T* residual, T* y, long long count, Convolution g, Layout beside, \
        Layout to, int activation, int pool)                                                                                                                  \
    {                                                                                                                                                         \
        store_outputs(StoredSums<T>{sums, g}, Epilogue<T>{b, residual, beside, activation}, y, g, to, pool, count);                                           \
    }
FOR_STORED(EPILOGUE)

extern "C" __global__ void conv2d_backward_input_tiled(const float* dy, const float* w, float* dx, Convolution g, float beta)
{
    long long pixels = (long long)g.n * g.h * g.w, depth = (long long)g.r * g.s * g.group_o();
    Tile tile(pixels, g.group_c());
    Windows windows = {dy + tile.group * g.group_o(), g};
    WeightsOfInput weights = {w + tile.group * g.group_o() * g.depth(), g};
    float sums[OWN][OWN];
    multiply(Loader<Windows>(windows, tile.first_row, pixels), Loader<WeightsOfInput>(weights, tile.first_column, g.group_c()), 0, depth, sums);
    for (int i = 0; i < OWN && tile.row + i < pixels; i++)
    {
        for (int j = 0; j < OWN && tile.column + j < g.group_c(); j++)
            store(dx + (tile.row + i) * g.c + tile.group * g.group_c() + tile.column + j, sums[i][j], beta);
    }
}

extern "C" __global__ void conv2d_backward_input_naive(const float* dy, const float* w, float* dx, long long count, Convolution g, float beta)
{
    int channels = g.group_c(), outputs = g.group_o();
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, g.c);
        int c = (int)(i - pixel * g.c), group = c / channels;
        Windows windows = {dy + group * outputs, g};
        Windows::Row row = windows.row(pixel);
        const float* weights = w + group * outputs * g.depth() + (c - group * channels);
        float sum = 0.0f;
        for (int tap = 0; tap < g.r * g.s; tap++)
        {
            for (int o = 0; o < outputs; o++)
            {
                Windows::Depth depth = {tap / g.s * g.dilation_h, tap % g.s * g.dilation_w, o};
                sum += windows.at(row, depth) * weights[o * g.depth() + (long long)tap * channels];
            }
        }
        store(dx + i, sum, beta);
    }
}

// parts [segments, weights]: blockIdx.y is a segment of the output pixels.
extern "C" __global__ void conv2d_backward_weight_tiled(const float* x, const float* dy, double* parts, Convolution g, Layout from, long long segment)
{
    long long pixels = (long long)g.n * g.out_h * g.out_w, first = blockIdx.y * segment, end = min(pixels, first + segment);
    Tile tile(g.group_o(), (int)g.depth());
    Transposed<Matrix<float>> outputs = {{dy + tile.group * g.group_o(), g.o, 1}};
    Transposed<Patches<float>> patches = {{x + tile.group * g.group_c(), g, from, 0}};
    float sums[OWN][OWN];
    multiply(Loader<Transposed<Matrix<float>>>(outputs, tile.first_row, g.group_o()), Loader<Transposed<Patches<float>>>(patches, tile.first_column, g.depth()), first, end, sums);
    double* to = parts + (blockIdx.y * (long long)g.o + tile.group * g.group_o()) * g.depth();
    for (int i = 0; i < OWN && tile.row + i < g.group_o(); i++)
    {
        for (int j = 0; j < OWN && tile.column + j < g.depth(); j++)
            to[(tile.row + i) * g.depth() + tile.column + j] = sums[i][j];
    }
}

// A block owns a weight, its threads share the output pixels.
extern "C" __global__ void conv2d_backward_weight_naive(const float* x, const float* dy, float* dw, Convolution g, Layout from, float beta)
{
    long long pixels = (long long)g.n * g.out_h * g.out_w, o = blockIdx.x / g.depth();
    int group = (int)(o / g.group_o());
    Patches<float> patches = {x + group * g.group_c(), g, from, 0};
    Patches<float>::Depth depth = patches.depth(blockIdx.x - o * g.depth());
    double sum = 0.0;
    for (long long i = threadIdx.x; i < pixels; i += blockDim.x)
        sum += (double)dy[i * g.o + o] * patches.at(patches.row(i), depth);
    sum = block_join<Sum>(sum);
    if (threadIdx.x == 0)
        store(dw + blockIdx.x, (float)sum, beta);
}
