// Winograd's convolution F(4x4, 3x3) in three steps, of which cuBLAS does the second (Lavin and Gray 2015, arXiv:1509.09308, algorithm 1; the matrices are those of WinogradMatrices.cs):
//   input    v[place][tile, c] = (B' d B)[place]       of the 6 x 6 inputs of a tile
//   products p[place][tile, o] = v[place] u[place]     36 matrix products, 4 times fewer multiplications than the direct sum
//   output   y = activation(A' p A + b + residual)     4 x 4 outputs of a tile
// The gradient of x is the same on dy with the weights turned by half a circle; that of w multiplies v by (A dy A') and turns the sums back by G.
//
// A thread owns a tile and a channel; neighbours have neighbouring channels, so all accesses of a warp are close. A thread holds 36 numbers, and both passes of a transform are in registers.
// Bound by memory. Tiles that hang over an edge read 0 and write nothing.

#define PLACES 36

struct Tiles // as WinogradTiles.Cuda.cs lays it out
{
    int height, width, channels; // of the images
    int top, left;               // pixels of a tile before its first output
    int down, across;            // tiles of an image
    unsigned first, count;       // tiles of this call
    unsigned length;             // tiles of a segment; tiles behind the last are 0
};

// The tile of a thread: its image and its place there.
struct Spot
{
    int n, h, w;
};

__device__ inline Spot spot_of(const Tiles& g, unsigned tile)
{
    unsigned row = tile / g.across, n = row / g.down;
    return {(int)n, (int)(row - n * g.down) * 4, (int)(tile - row * g.across) * 4};
}

// Where tile t's number at the first place is, in [segment][place][tile][channel].
__device__ inline size_t first_of(const Tiles& g, unsigned t, int channels)
{
    unsigned segment = t / g.length;
    return (segment * (size_t)PLACES * g.length + (t - segment * g.length)) * channels;
}

__device__ inline void input_transform(const float (&d)[6], float (&v)[6])
{
    float even = d[4] - 2.25f * d[2], odd = 0.625f * d[3] - 1.40625f * d[1], even2 = d[4] - 0.390625f * d[2], odd2 = 1.5f * d[3] - 0.5859375f * d[1];
    v[0] = 0.87890625f * d[0] - 2.640625f * d[2] + d[4];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = even2 + odd2;
    v[4] = even2 - odd2;
    v[5] = 0.87890625f * d[1] - 2.640625f * d[3] + d[5];
}

__device__ inline void output_transform(const float (&p)[6], float (&y)[4])
{
    float sum = p[1] + p[2], difference = p[1] - p[2], sum2 = p[3] + p[4], difference2 = p[3] - p[4];
    y[0] = p[0] + sum + sum2;
    y[1] = 0.625f * difference + 1.5f * difference2;
    y[2] = 0.390625f * sum + 2.25f * sum2;
    y[3] = 0.244140625f * difference + 3.375f * difference2 + p[5];
}

// The transpose of the output's.
__device__ inline void upstream_transform(const float (&d)[4], float (&p)[6])
{
    float even = d[0] + 0.390625f * d[2], odd = 0.625f * d[1] + 0.244140625f * d[3], even2 = d[0] + 2.25f * d[2], odd2 = 1.5f * d[1] + 3.375f * d[3];
    p[0] = d[0];
    p[1] = even + odd;
    p[2] = even - odd;
    p[3] = even2 + odd2;
    p[4] = even2 - odd2;
    p[5] = d[3];
}

__device__ inline void filter_transform(const float (&g)[3], float (&u)[6])
{
    float even = -0.6884033613445378f * g[0] - 0.2689075630252101f * g[2], odd = 0.43025210084033616f * g[1];
    float even2 = 0.11951447245564893f * g[0] + 0.2689075630252101f * g[2], odd2 = 0.1792717086834734f * g[1];
    u[0] = 1.1377777777777778f * g[0];
    u[1] = even - odd;
    u[2] = even + odd;
    u[3] = even2 + odd2;
    u[4] = even2 - odd2;
    u[5] = g[2];
}

// The transpose of the filter's.
__device__ inline void gradient_transform(const float (&u)[6], float (&g)[3])
{
    float sum = u[1] + u[2], difference = u[2] - u[1], sum2 = u[3] + u[4], difference2 = u[3] - u[4];
    g[0] = 1.1377777777777778f * u[0] - 0.6884033613445378f * sum + 0.11951447245564893f * sum2;
    g[1] = 0.43025210084033616f * difference + 0.1792717086834734f * difference2;
    g[2] = -0.2689075630252101f * sum + 0.2689075630252101f * sum2 + u[5];
}

// u [36, o, c] of w [o, 3, 3, c]; turned: of the weights turned by half a circle.
extern "C" __global__ void winograd_filter(const float* w, float* u, unsigned count, int channels, int turned)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned o = i / channels, c = i - o * channels;
    const float* from = w + o * (size_t)9 * channels + c;
    float rows[6][3];
#pragma unroll
    for (int s = 0; s < 3; s++)
    {
        float column[3], transformed[6];
#pragma unroll
        for (int r = 0; r < 3; r++)
            column[r] = from[(turned ? 8 - (r * 3 + s) : r * 3 + s) * channels];
        filter_transform(column, transformed);
#pragma unroll
        for (int k = 0; k < 6; k++)
            rows[k][s] = transformed[k];
    }
#pragma unroll
    for (int k = 0; k < 6; k++)
    {
        float transformed[6];
        filter_transform(rows[k], transformed);
#pragma unroll
        for (int s = 0; s < 6; s++)
            u[(k * 6 + s) * (size_t)count + i] = transformed[s];
    }
}

// v [segment, 36, length, c] of x [n, height, width, c].
extern "C" __global__ void winograd_input(const float* x, float* v, unsigned count, Tiles g)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned t = i / g.channels, c = i - t * g.channels;
    float* to = v + first_of(g, t, g.channels) + c;
    size_t step = (size_t)g.length * g.channels;
    float rows[6][6];
    if (t < g.count)
    {
        Spot spot = spot_of(g, g.first + t);
        int h = spot.h - g.top, w = spot.w - g.left;
        const float* image = x + spot.n * (size_t)g.height * g.width * g.channels + c;
#pragma unroll
        for (int s = 0; s < 6; s++)
        {
            float column[6], transformed[6];
            bool inside = w + s >= 0 && w + s < g.width;
#pragma unroll
            for (int r = 0; r < 6; r++)
                column[r] = inside && h + r >= 0 && h + r < g.height ? image[((size_t)(h + r) * g.width + (w + s)) * g.channels] : 0.0f;
            input_transform(column, transformed);
#pragma unroll
            for (int k = 0; k < 6; k++)
                rows[k][s] = transformed[k];
        }
    }
    else
    {
#pragma unroll
        for (int k = 0; k < PLACES; k++)
            rows[k / 6][k % 6] = 0.0f;
    }
#pragma unroll
    for (int k = 0; k < 6; k++)
    {
        float transformed[6];
        input_transform(rows[k], transformed);
#pragma unroll
        for (int s = 0; s < 6; s++)
            to[(k * 6 + s) * step] = transformed[s];
    }
}

// p [segment, 36, length, o] of dy [n, height, width, o], for the gradient of w.
extern "C" __global__ void winograd_upstream(const float* dy, float* p, unsigned count, Tiles g)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned t = i / g.channels, c = i - t * g.channels;
    float* to = p + first_of(g, t, g.channels) + c;
    size_t step = (size_t)g.length * g.channels;
    float rows[6][4];
    if (t < g.count)
    {
        Spot spot = spot_of(g, g.first + t);
        const float* image = dy + spot.n * (size_t)g.height * g.width * g.channels + c;
#pragma unroll
        for (int s = 0; s < 4; s++)
        {
            float column[4], transformed[6];
#pragma unroll
            for (int r = 0; r < 4; r++)
                column[r] = spot.h + r < g.height && spot.w + s < g.width ? image[((size_t)(spot.h + r) * g.width + (spot.w + s)) * g.channels] : 0.0f;
            upstream_transform(column, transformed);
#pragma unroll
            for (int k = 0; k < 6; k++)
                rows[k][s] = transformed[k];
        }
    }
    else
    {
#pragma unroll
        for (int k = 0; k < 24; k++)
            rows[k / 4][k % 4] = 0.0f;
    }
#pragma unroll
    for (int k = 0; k < 6; k++)
    {
        float transformed[6];
        upstream_transform(rows[k], transformed);
#pragma unroll
        for (int s = 0; s < 6; s++)
            to[(k * 6 + s) * step] = transformed[s];
    }
}

// y [n, height, width, o] of p [36, length, o], with all that follows: beta y + activation(sum + b + residual), or the largest of each 2 x 2 of these, where a last odd row or column is dropped.
extern "C" __global__ void winograd_output(const float* p, const float* b, const float* residual, float* y, unsigned count, Tiles g, int activation, int pool, float beta)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned t = i / g.channels, o = i - t * g.channels;
    const float* from = p + first_of(g, t, g.channels) + o;
    size_t step = (size_t)g.length * g.channels;
    float rows[4][6];
#pragma unroll
    for (int s = 0; s < 6; s++)
    {
        float column[6], transformed[4];
#pragma unroll
        for (int r = 0; r < 6; r++)
            column[r] = from[(r * 6 + s) * step];
        output_transform(column, transformed);
#pragma unroll
        for (int k = 0; k < 4; k++)
            rows[k][s] = transformed[k];
    }
    Spot spot = spot_of(g, g.first + t);
    float bias = b ? b[o] : 0.0f;
    size_t image = spot.n * (size_t)g.height * g.width;
    float above[4];
#pragma unroll
    for (int k = 0; k < 4; k++)
    {
        float values[4];
        output_transform(rows[k], values);
        int h = spot.h + k;
#pragma unroll
        for (int s = 0; s < 4; s++)
        {
            int w = spot.w + s;
            bool inside = h < g.height && w < g.width;
            size_t place = (image + (size_t)h * g.width + w) * g.channels + o;
            float value = values[s] + bias;
            if (residual && inside)
                value += residual[place];
            values[s] = value = activated(value, activation);
            if (inside && !pool)
                store(y + place, value, beta);
        }
        if (!pool)
            continue;
        if (k % 2 == 1)
        {
            int half_height = g.height / 2, half_width = g.width / 2, ph = h / 2;
#pragma unroll
            for (int s = 0; s < 4; s += 2)
            {
                int pw = (spot.w + s) / 2;
                if (ph < half_height && pw < half_width)
                    y[((spot.n * (size_t)half_height + ph) * half_width + pw) * g.channels + o] = larger(larger(larger(above[s], above[s + 1]), values[s]), values[s + 1]);
            }
        }
#pragma unroll
        for (int s = 0; s < 4; s++)
            above[s] = values[s];
    }
}

// dw [o, 3, 3, c] = beta dw + the gradient, of sums u [segment, 36, o, c].
extern "C" __global__ void winograd_gradient(const float* u, float* dw, unsigned count, int channels, int segments, float beta)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned o = i / channels, c = i - o * channels;
    float rows[3][6];
#pragma unroll
    for (int s = 0; s < 6; s++)
    {
        float column[6], transformed[3];
#pragma unroll
        for (int r = 0; r < 6; r++)
            column[r] = 0.0f;
        for (int segment = 0; segment < segments; segment++)
        {
#pragma unroll
            for (int r = 0; r < 6; r++)
                column[r] += u[((segment * PLACES) + r * 6 + s) * (size_t)count + i];
        }
        gradient_transform(column, transformed);
#pragma unroll
        for (int k = 0; k < 3; k++)
            rows[k][s] = transformed[k];
    }
    float* to = dw + o * (size_t)9 * channels + c;
#pragma unroll
    for (int k = 0; k < 3; k++)
    {
        float transformed[3];
        gradient_transform(rows[k], transformed);
#pragma unroll
        for (int s = 0; s < 3; s++)
            store(to + (k * 3 + s) * channels, transformed[s], beta);
    }
}
