// Zero padding: forward one element of y a thread and stride, backward one of dx. Bound by memory.

extern "C" __global__ void pad2d_forward(const float* x, float* y, long long count, int h, int w, int c, int out_h, int out_w, int top, int left)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, c);
        Pixel p = pixel_of(pixel, out_h, out_w);
        p.h -= top;
        p.w -= left;
        bool inside = p.h >= 0 && p.h < h && p.w >= 0 && p.w < w;
        y[i] = inside ? x[((p.n * h + p.h) * w + p.w) * c + (i - pixel * c)] : 0.0f;
    }
}

extern "C" __global__ void pad2d_backward(const float* dy, float* dx, long long count, int h, int w, int c, int out_h, int out_w, int top, int left, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        long long pixel = quotient(i, c);
        Pixel p = pixel_of(pixel, h, w);
        store(dx + i, dy[((p.n * out_h + p.h + top) * out_w + p.w + left) * c + (i - pixel * c)], beta);
    }
}
