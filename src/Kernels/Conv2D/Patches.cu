// Windows of a convolution as rows of a matrix, and back: patches [output pixel, (r, s, c)]. A thread owns four neighbouring channels, or one where they are no multiple of four. Bound by memory.

struct Window // as PatchConvolution.Cuda.cs lays it out
{
    unsigned height, width, out_height, out_width, channels; // channels in units of a thread
    int r, s, stride_h, stride_w, dilation_h, dilation_w, top, left;
};

__device__ inline float nothing(float) { return 0.0f; }
__device__ inline float4 nothing(float4) { return make_float4(0.0f, 0.0f, 0.0f, 0.0f); }
__device__ inline float sum(float a, float b) { return a + b; }
__device__ inline float4 sum(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

template <class T>
__device__ inline void gather(const T* x, T* patches, unsigned count, const Window& g)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned place = i / g.channels, c = i - place * g.channels, pixel = place / (g.r * g.s), tap = place - pixel * (g.r * g.s);
    unsigned row = pixel / g.out_width, q = pixel - row * g.out_width, n = row / g.out_height, p = row - n * g.out_height;
    int r = tap / g.s, s = tap - r * g.s, h = (int)p * g.stride_h + r * g.dilation_h - g.top, w = (int)q * g.stride_w + s * g.dilation_w - g.left;
    bool inside = h >= 0 && h < (int)g.height && w >= 0 && w < (int)g.width;
    patches[i] = inside ? x[((n * (size_t)g.height + h) * g.width + w) * g.channels + c] : nothing(T());
}

// x = beta x + the sum over all windows that show a pixel.
template <class T>
__device__ inline void scatter(const T* patches, T* x, unsigned count, const Window& g, float beta)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned pixel = i / g.channels, c = i - pixel * g.channels, row = pixel / g.width, w = pixel - row * g.width, n = row / g.height, h = row - n * g.height;
    T total = beta == 0.0f ? nothing(T()) : x[i]; // beta is 0 or 1
    for (int r = 0; r < g.r; r++)
    {
        int down = (int)h + g.top - r * g.dilation_h, p = down / g.stride_h;
        if (down < 0 || p * g.stride_h != down || p >= (int)g.out_height)
            continue;
        for (int s = 0; s < g.s; s++)
        {
            int across = (int)w + g.left - s * g.dilation_w, q = across / g.stride_w;
            if (across >= 0 && q * g.stride_w == across && q < (int)g.out_width)
                total = sum(total, patches[((((n * (size_t)g.out_height + p) * g.out_width + q) * g.r + r) * g.s + s) * g.channels + c]);
        }
    }
    x[i] = total;
}

extern "C" __global__ void gather_patches(const float* x, float* patches, unsigned count, Window g) { gather(x, patches, count, g); }
extern "C" __global__ void gather_patches_4(const float4* x, float4* patches, unsigned count, Window g) { gather(x, patches, count, g); }
extern "C" __global__ void scatter_patches(const float* patches, float* x, unsigned count, Window g, float beta) { scatter(patches, x, count, g, beta); }
extern "C" __global__ void scatter_patches_4(const float4* patches, float4* x, unsigned count, Window g, float beta) { scatter(patches, x, count, g, beta); }
