// destination = beta destination + factor source. One element a thread and stride; bound by memory: 8 bytes a number, 12 where beta is not 0.
extern "C" __global__ void add_scaled(const float* source, float factor, float* destination, float beta, long long count)
{
    OVER_ELEMENTS(i, count)
        store(destination + i, factor * source[i], beta);
}
