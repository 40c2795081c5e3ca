// Dropout with the numbers of Philox.cs, made anew in backward: a thread owns four neighbouring elements, which share one block of four words. Bound by memory.

extern "C" __global__ void dropout(const float* dy, float* dx, long long count, float rate, float scale, unsigned long long seed, float beta)
{
    OVER_ELEMENTS(four, (count + 3) / 4)
    {
        Words words = philox(seed, four);
        for (int k = 0; k < 4 && four * 4 + k < count; k++)
        {
            long long i = four * 4 + k;
            store(dx + i, unit(words.word[k]) >= rate ? dy[i] * scale : 0.0f, beta);
        }
    }
}
