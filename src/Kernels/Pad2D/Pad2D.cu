// Zero padding: forward one element of y a thread and stride, backward one of dx. Bound by memory.

template <class T>
__device__ inline void pad(const T* x, T* y, long long count, int h, int w, int c, int out_h, int out_w, int top, int left)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, c);
        Pixel p = pixel_of(pixel, out_h, out_w);
        p.h -= top;
        p.w -= left;
        bool inside = p.h >= 0 && p.h < h && p.w >= 0 && p.w < w;
        y[i] = inside ? x[((p.n * h + p.h) * w + p.w) * c + (i - pixel * c)] : T{};
    }
}

#define PAD(suffix, T)                                                                                                                                        \
    extern "C" __global__ void pad2d_forward##suffix(const T* x, T* y, long long count, int h, int w, int c, int out_h, int out_w, int top, int left)         \
    {                                                                                                                                                         \
        pad(x, y, count, h, w, c, out_h, out_w, top, left);                                                                                                   \
    }
FOR_STORED(PAD)

extern "C" __global__ void pad2d_backward(const float* dy, float* dx, long long count, int h, int w, int c, int out_h, int out_w, int top, int left, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, c);
        Pixel p = pixel_of(pixel, h, w);
        store(dx + i, dy[((p.n * out_h + p.h + top) * out_w + p.w + left) * c + (i - pixel * c)], beta);
    }
}
