// Dropout with the numbers of Philox.cs, made anew in backward: a thread owns four neighbouring elements, which share one block of four words. Bound by memory.

#include "Packs.cuh"

template <class T>
struct Drop
{
    const T* dy;
    T* dx;
    float rate, scale;
    unsigned long long seed;
    float beta;

    template <int N>
    struct Held
    {
        Run<T, N> dy, old;
    };

    template <int N>
    __device__ __forceinline__ Held<N> load(unsigned i) const { return {take<N>(dy + i), beta != 0.0f ? take<N>(dx + i) : repeated<N>(T{})}; }

    template <int N>
    __device__ __forceinline__ void finish(unsigned i, Held<N>& held) const
    {
        Words words = philox(seed, i / 4);
#pragma unroll
        for (int k = 0; k < N; k++)
        {
            int place = (N == 4 ? 0 : i % 4) + k;
            unsigned int word = place == 0 ? words.word[0] : place == 1 ? words.word[1] : place == 2 ? words.word[2] : words.word[3];
            held.old.store_at(k, unit(word) >= rate ? held.dy.get(k) * scale : 0.0f, beta);
        }
        give(dx + i, held.old);
    }
};

// Four numbers a time, of whatever type: they share their random words. Below, the same for odd addresses.
#define DROPOUT(suffix, T)                                                                                                                             \
    extern "C" __global__ void dropout_packs##suffix(const T* dy, T* dx, int count, float rate, float scale, unsigned long long seed, float beta)      \
    {                                                                                                                                                  \
        in_packs<4, 2>(count, Drop<T>{dy, dx, rate, scale, seed, beta});                                                                               \
    }                                                                                                                                                  \
    extern "C" __global__ void dropout##suffix(const T* dy, T* dx, long long count, float rate, float scale, unsigned long long seed, float beta)      \
    {                                                                                                                                                  \
        drop(dy, dx, count, rate, scale, seed, beta);                                                                                                  \
    }

template <class T>
__device__ inline void drop(const T* dy, T* dx, long long count, float rate, float scale, unsigned long long seed, float beta)
{
    OVER_ELEMENTS(four, (count + 3) / 4)
    {
        Words words = philox(seed, four);
#pragma unroll
        for (int k = 0; k < 4; k++)
        {
            long long i = four * 4 + k;
            if (i < count)
                store(dx + i, unit(words.word[k]) >= rate ? widened(dy[i]) * scale : 0.0f, beta);
        }
    }
}
FOR_STORED(DROPOUT)
