// Images resampled under affine maps. Places are worked out in double, as in Warp2DGeometry.cs: the products of a float and a whole number are exact then, so that
// a fused multiply-add rounds alike and the nearest pixel is the same in all kernel sets.
//
// Forward: one element of y a thread and stride; bound by memory.
// Backward: any output pixel may fall on any input pixel. A block owns a tile of 16 x 16 input pixels, a thread one of them, and walks along the image's output
// pixels 256 at a time: each thread works out where one of them falls, those that touch the tile are noted in order, and each thread adds the shares of its pixel in
// that order, so that the sums do not depend on the order of threads. Bound by the arithmetic of places: output pixels times tiles.

#define TILE 16
#define THREADS (TILE * TILE)
#define MOST_PLACES 4

enum WarpFill // in the order of WarpFill.cs
{
    Reflect, Constant, Wrap, Nearest,
};

struct Warp // as Warp2DKernels.Cuda.cs lays it out
{
    int h, w, c, out_h, out_w, blends, fill;
    float fill_value;
};

struct Place // of the input, and its share
{
    int h, w;
    float share; // 0: not one of the places
};

__device__ inline double within(int fill, double at, int extent)
{
    if (fill == Constant)
        return min(max(at, -2.0), extent + 1.0); // far outside is outside
    if (fill != Nearest)
    {
        int period = fill == Wrap ? extent : 2 * extent;
        at -= floor(at / period) * period;
        if (fill == Reflect && at >= extent)
            at = period - at - 1;
    }
    return min(max(at, 0.0), extent - 1.0);
}

__device__ inline void places_of(const Warp& g, const float* m, int p, int q, Place (&places)[MOST_PLACES])
{
    double x = within(g.fill, m[0] * (double)q + m[1] * (double)p + m[2], g.w), y = within(g.fill, m[3] * (double)q + m[4] * (double)p + m[5], g.h);
    if (!g.blends)
    {
        places[0] = {(int)floor(y + 0.5), (int)floor(x + 0.5), 1.0f};
        for (int i = 1; i < MOST_PLACES; i++)
            places[i] = {0, 0, 0.0f};
        return;
    }
    int top = (int)floor(y), left = (int)floor(x);
    double below = y - top, right = x - left;
    for (int i = 0; i < MOST_PLACES; i++)
        places[i] = {top + i / 2, left + i % 2, (float)((i < 2 ? 1.0 - below : below) * (i % 2 == 0 ? 1.0 - right : right))};
}

extern "C" __global__ void warp2d_forward(const float* x, const float* m, float* y, long long count, Warp g)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, g.c);
        Pixel p = pixel_of(pixel, g.out_h, g.out_w);
        const float* image = x + p.n * g.h * g.w * g.c + (i - pixel * g.c);
        Place places[MOST_PLACES];
        places_of(g, m + p.n * 6, p.h, p.w, places);
        float sum = 0.0f;
        for (int k = 0; k < MOST_PLACES; k++)
        {
            Place at = places[k];
            bool inside = at.h >= 0 && at.h < g.h && at.w >= 0 && at.w < g.w;
            if (at.share > 0.0f)
                sum += at.share * (inside ? image[((long long)at.h * g.w + at.w) * g.c] : g.fill_value);
        }
        y[i] = sum;
    }
}

// The number of threads before this one, and in the block, for which a condition holds.
__device__ inline int count_before(bool holds, int& all)
{
    __shared__ int warps[THREADS / 32];
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, before = 0;
    unsigned votes = __ballot_sync(0xffffffffu, holds);
    if (lane == 0)
        warps[warp] = __popc(votes);
    __syncthreads();
    all = 0;
    for (int i = 0; i < THREADS / 32; i++)
    {
        before += i < warp ? warps[i] : 0;
        all += warps[i];
    }
    return before + __popc(votes & ((1u << lane) - 1));
}

extern "C" __global__ void warp2d_backward(const float* m, const float* dy, float* dx, Warp g, int tiles_h, int tiles_w, float beta)
{
    __shared__ int hits[THREADS]; // output pixels
    __shared__ Place falls[THREADS][MOST_PLACES];
    long long n = blockIdx.x / (tiles_h * tiles_w);
    int tile = (int)(blockIdx.x - n * tiles_h * tiles_w), top = tile / tiles_w * TILE, left = tile % tiles_w * TILE;
    int h = top + threadIdx.x / TILE, w = left + threadIdx.x % TILE, pixels = g.out_h * g.out_w;
    bool owns = h < g.h && w < g.w;
    float* own = dx + ((n * g.h + h) * g.w + w) * g.c;
    for (int c = 0; owns && c < g.c; c++)
        own[c] = beta == 0.0f ? 0.0f : beta * own[c];
    for (int first = 0; first < pixels; first += THREADS)
    {
        int i = first + threadIdx.x, count;
        Place places[MOST_PLACES];
        bool touches = false;
        if (i < pixels)
        {
            places_of(g, m + n * 6, i / g.out_w, i % g.out_w, places);
            for (int k = 0; k < MOST_PLACES; k++)
                touches |= places[k].share > 0.0f && places[k].h >= top && places[k].h < top + TILE && places[k].w >= left && places[k].w < left + TILE;
        }
        int place = count_before(touches, count);
        if (touches)
        {
            hits[place] = i;
            for (int k = 0; k < MOST_PLACES; k++)
                falls[place][k] = places[k];
        }
        __syncthreads();
        for (int hit = 0; owns && hit < count; hit++)
        {
            const float* from = dy + (n * pixels + hits[hit]) * g.c;
            for (int k = 0; k < MOST_PLACES; k++)
            {
                Place at = falls[hit][k];
                for (int c = 0; at.share > 0.0f && at.h == h && at.w == w && c < g.c; c++)
                    own[c] += at.share * from[c];
            }
        }
        __syncthreads(); // the next pixels write the notes anew
    }
}
