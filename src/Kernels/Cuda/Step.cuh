// The loop that all optimizers share: each has a rule for one number, and which of the slots a, b, c (bits 1, 2, 4) it reads and writes.

// Numbers i to i + N of a tensor. Addresses are copies in registers: the table itself could be what a store changes, for all that the compiler knows.
template <int N, int SLOTS, class Rule>
__device__ __forceinline__ void step_run(const StepEntry& entry, long long i, const Rule& rule)
{
    Run<float, N> w = take<N>(entry.w + i), g = take<N>(entry.g + i), a, b, c;
    if (SLOTS & 1)
        a = take<N>(entry.a + i);
    if (SLOTS & 2)
        b = take<N>(entry.b + i);
    if (SLOTS & 4)
        c = take<N>(entry.c + i);
    bool limited = entry.limit != __int_as_float(INFINITY_BITS);
#pragma unroll
    for (int k = 0; k < N; k++)
    {
        float gradient = g.get(k) * entry.factor, va = SLOTS & 1 ? a.get(k) : 0.0f, vb = SLOTS & 2 ? b.get(k) : 0.0f, vc = SLOTS & 4 ? c.get(k) : 0.0f;
        if (limited)
            gradient = smaller(larger(gradient, -entry.limit), entry.limit);
        w.set(k, rule.move(w.get(k), gradient, va, vb, vc));
        a.set(k, va);
        b.set(k, vb);
        c.set(k, vc);
    }
    give(entry.w + i, w);
    if (SLOTS & 1)
        give(entry.a + i, a);
    if (SLOTS & 2)
        give(entry.b + i, b);
    if (SLOTS & 4)
        give(entry.c + i, c);
}

// The numbers of this block, in packs where all of the tensor's arrays begin at a multiple of 16 bytes. A chunk does.
template <int SLOTS, class Rule>
__device__ __forceinline__ void step_chunk(const StepEntry& of, const Rule& rule)
{
    StepEntry entry = of;
    long long first = (blockIdx.x - entry.first_block) * STEP_CHUNK;
    int count = (int)min(entry.count - first, (long long)STEP_CHUNK);
    size_t addresses = (size_t)entry.w | (size_t)entry.g | (SLOTS & 1 ? (size_t)entry.a : 0) | (SLOTS & 2 ? (size_t)entry.b : 0) | (SLOTS & 4 ? (size_t)entry.c : 0);
    int packed = (addresses & 15) == 0 ? count & ~3 : 0;
    for (int i = threadIdx.x * 4; i < packed; i += blockDim.x * 4)
        step_run<4, SLOTS>(entry, first + i, rule);
    for (int i = packed + threadIdx.x; i < count; i += blockDim.x)
        step_run<1, SLOTS>(entry, first + i, rule);
}
