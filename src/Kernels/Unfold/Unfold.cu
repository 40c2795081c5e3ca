// Windows along an axis as channels, and back: unfold writes one element of y a thread and stride, fold one of x, which gathers from the windows that show it.
// Neighbouring threads have neighbouring channels. Bound by memory.

struct Windows // x [n,t,m,c], y [n,p,m,s,c], as UnfoldGeometry.cs has them
{
    int t, m, c, p, s, stride, dilation, front;
};

extern "C" __global__ void unfold(const float* x, float* y, long long count, Windows g, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        long long place = quotient(i, g.c), column = quotient(place, g.s), row = quotient(column, g.m), n = quotient(row, g.p);
        int c = (int)(i - place * g.c), s = (int)(place - column * g.s), m = (int)(column - row * g.m), p = (int)(row - n * g.p);
        int t = p * g.stride + s * g.dilation - g.front;
        store(y + i, t >= 0 && t < g.t ? x[((n * g.t + t) * g.m + m) * g.c + c] : 0.0f, beta);
    }
}

extern "C" __global__ void fold(const float* y, float* x, long long count, Windows g, float beta)
{
    OVER_ELEMENTS(i, count)
    {
        long long column = quotient(i, g.c), row = quotient(column, g.m), n = quotient(row, g.t);
        int c = (int)(i - column * g.c), m = (int)(column - row * g.m), t = (int)(row - n * g.t);
        float sum = 0.0f;
        for (int s = 0; s < g.s; s++)
        {
            int at = t + g.front - s * g.dilation, p = at / g.stride;
            if (at >= 0 && p * g.stride == at && p < g.p)
                sum += y[(((n * g.p + p) * g.m + m) * g.s + s) * g.c + c];
        }
        store(x + i, sum, beta);
    }
}
