// Dropout with the numbers of Philox.cs, made anew in backward: a thread owns four neighbouring elements, which share one block of four words. Bound by memory.

struct Words
{
    unsigned int word[4];
};

// Philox4x32-10. Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3.
__device__ Words philox(unsigned long long seed, unsigned long long block)
{
    unsigned int c0 = (unsigned int)block, c1 = (unsigned int)(block >> 32), c2 = 0, c3 = 0, k0 = (unsigned int)seed, k1 = (unsigned int)(seed >> 32);
    for (int round = 0; round < 10; round++)
    {
        unsigned long long p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
        unsigned int n0 = (unsigned int)(p1 >> 32) ^ c1 ^ k0, n2 = (unsigned int)(p0 >> 32) ^ c3 ^ k1;
        c1 = (unsigned int)p1;
        c3 = (unsigned int)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

extern "C" __global__ void dropout(const float* dy, float* dx, long long count, float rate, float scale, unsigned long long seed, float beta)
{
    OVER_ELEMENTS(four, (count + 3) / 4)
    {
        Words words = philox(seed, four);
        for (int k = 0; k < 4 && four * 4 + k < count; k++)
        {
            long long i = four * 4 + k;
            store(dx + i, (words.word[k] >> 8) * (1.0f / (1 << 24)) >= rate ? dy[i] * scale : 0.0f, beta);
        }
    }
}
