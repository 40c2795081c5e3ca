// The next token of each sequence. The greatest is found by many blocks. To draw, a block of 1024 threads owns a row of logits, which lies in the cache after the first
// pass; bound by the latency of some passes over 200 KB (GPT-2's vocabulary). Weights are whole numbers, exp(x - largest) in steps of 2^-40: their sums do not depend on the order, so that adding them with
// atomics gives the same token in every run.

#define THREADS 1024
#define WARPS (THREADS / 32)
#define DIGITS 256 // values of a digit of 8 bits
#define NOT_A_NUMBER (-1)
#define INFINITE (-2)
#define FORBIDDEN (-3)

typedef unsigned long long u64;

// What stands in place of a token where the row has no greatest logit; 0 where it has.
__device__ inline int fault_of(float most)
{
    float infinity = __int_as_float(INFINITY_BITS);
    return most != most ? NOT_A_NUMBER : most == infinity ? INFINITE : most == -infinity ? FORBIDDEN : 0;
}

__device__ inline float greatest(const float* logits, int vocabulary)
{
    float most = -__int_as_float(INFINITY_BITS);
    for (int i = threadIdx.x; i < vocabulary; i += THREADS)
        most = larger(most, logits[i]);
    return block_join<Largest>(most);
}

// The token of this block's row, and a step further for its counters.
__device__ inline void choose(int token, int* counters, int* tokens, int rows)
{
    tokens[blockIdx.x] = token;
    counters[blockIdx.x] += 1;
    counters[rows + blockIdx.x] += 1;
}

// A logit and its token: the greater, and of equals the first. What is not a number is the greatest.
struct Best
{
    float logit;
    int token;
};

__device__ inline Best better(Best a, Best b)
{
    bool is_first = a.logit != a.logit || a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
    return is_first ? a : b;
}

__device__ inline Best best_of_warp(Best best)
{
    for (int step = 16; step > 0; step >>= 1)
        best = better(best, {__shfl_xor_sync(0xffffffffu, best.logit, step), __shfl_xor_sync(0xffffffffu, best.token, step)});
    return best;
}

#define GREEDY_THREADS 256
#define GREEDY_LOADS 16 // of a thread, all in flight at once

// A block has 4096 logits (blockIdx.y) of a row (blockIdx.x); the last one of a row compares what all have found. The result does not depend on an order.
extern "C" __global__ void choose_greatest(const float* logits, int* counters, int* tokens, float* partials, unsigned int* tickets, int rows, int vocabulary)
{
    __shared__ Best warps[GREEDY_THREADS / 32];
    const float* row = logits + (size_t)blockIdx.x * vocabulary;
    float infinity = __int_as_float(INFINITY_BITS), own[GREEDY_LOADS];
    int first = blockIdx.y * (GREEDY_THREADS * GREEDY_LOADS) + threadIdx.x;
    await_previous();
    release_next();
#pragma unroll
    for (int j = 0; j < GREEDY_LOADS; j++)
        own[j] = first + j * GREEDY_THREADS < vocabulary ? fresh(row + first + j * GREEDY_THREADS) : -infinity;
    Best best = {own[0], first};
#pragma unroll
    for (int j = 1; j < GREEDY_LOADS; j++)
        best = better(best, {own[j], first + j * GREEDY_THREADS});
    best = best_of_warp(best);
    if ((threadIdx.x & 31) == 0)
        warps[threadIdx.x >> 5] = best;
    __syncthreads();
    for (int w = 0; w < GREEDY_THREADS / 32; w++)
        best = better(best, warps[w]);
    if (gridDim.y > 1)
    {
        float* parts = partials + (size_t)blockIdx.x * gridDim.y * 2;
        if (threadIdx.x == 0)
        {
            parts[blockIdx.y * 2] = best.logit;
            parts[blockIdx.y * 2 + 1] = __int_as_float(best.token);
        }
        if (!is_last(tickets + blockIdx.x, gridDim.y))
            return; // all threads do
        for (int part = threadIdx.x & 31; part < gridDim.y; part += 32)
            best = better(best, {fresh(parts + part * 2), __float_as_int(fresh(parts + part * 2 + 1))});
        best = best_of_warp(best);
    }
    if (threadIdx.x == 0)
        choose(fault_of(best.logit) ? fault_of(best.logit) : best.token, counters, tokens, rows);
}

// Logits of a row under a temperature, as numbers of 32 bits in the same order.
struct Logits
{
    const float* row;
    int vocabulary;
    float temperature, most; // the greatest under the temperature

    __device__ float at(int i) const { return row[i] / temperature; }

    __device__ unsigned key(int i) const
    {
        unsigned bits = __float_as_uint(at(i) + 0.0f); // -0 becomes 0
        return bits >> 31 ? ~bits : bits | 0x80000000u;
    }

    __device__ u64 weight(int i) const { return (u64)(expf(at(i) - most) * 1099511627776.0f); } // 2^40
};

// Each token as one, or by its weight.
struct Ones
{
    __device__ static u64 of(const Logits&, int) { return 1; }
};

struct Weights
{
    __device__ static u64 of(const Logits& x, int i) { return x.weight(i); }
};

// The sum of the threads before this one, and of all. Every thread must call it.
__device__ inline u64 sum_before(u64 value, u64& all)
{
    __shared__ u64 warps[WARPS];
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    u64 sum = value;
    for (int step = 1; step < 32; step <<= 1)
    {
        u64 other = __shfl_up_sync(0xffffffffu, sum, step);
        sum += lane >= step ? other : 0;
    }
    if (lane == 31)
        warps[warp] = sum;
    __syncthreads();
    u64 before = 0;
    all = 0;
    for (int w = 0; w < WARPS; w++)
    {
        before += w < warp ? warps[w] : 0;
        all += warps[w];
    }
    __syncthreads(); // the next call writes them anew
    return before + sum - value;
}

struct Place
{
    unsigned key;  // of the token there
    u64 left;      // of the mass, when all lower keys are gone
};

// Where a mass ends that is taken away from the lowest key upwards, of the tokens whose keys are not below the least; there is more than this mass. Keys are found digit
// by digit: the tokens that share the digits so far are weighed by their next one.
template <class Measure>
__device__ Place place_of(const Logits& x, unsigned least, u64 mass)
{
    __shared__ u64 digits[DIGITS], rest;
    __shared__ int chosen;
    unsigned found = 0;
    for (int shift = 24; shift >= 0; shift -= 8)
    {
        for (int d = threadIdx.x; d < DIGITS; d += THREADS)
            digits[d] = 0;
        __syncthreads();
        for (int i = threadIdx.x; i < x.vocabulary; i += THREADS)
        {
            unsigned key = x.key(i);
            if (key >= least && (shift == 24 || key >> (shift + 8) == found))
                atomicAdd(&digits[key >> shift & (DIGITS - 1)], Measure::of(x, i));
        }
        __syncthreads();
        u64 own = threadIdx.x < DIGITS ? digits[threadIdx.x] : 0, all, before = sum_before(own, all);
        if (threadIdx.x < DIGITS && before <= mass && mass - before < own) // one thread: the first whose tokens are not all gone
        {
            chosen = threadIdx.x;
            rest = mass - before;
        }
        __syncthreads();
        found = found << 8 | chosen;
        mass = rest;
        __syncthreads(); // both are written anew
    }
    return {found, mass};
}

// Tokens that may be drawn: keys above the cut, and of those at the cut the ones behind the first skipped.
struct Kept
{
    unsigned cut;
    u64 skipped;
};

__device__ inline Kept narrowed(const Logits& x, int top_k, float top_p)
{
    unsigned least = 0x007fffffu + 1; // above negative infinity's
    if (top_k > 0 && top_k < x.vocabulary)
        least = max(least, place_of<Ones>(x, 0, x.vocabulary - top_k).key);
    if (top_p >= 1.0f)
        return {least, 0};
    u64 own = 0, all;
    for (int i = threadIdx.x; i < x.vocabulary; i += THREADS)
        own += x.key(i) >= least ? x.weight(i) : 0;
    sum_before(own, all);
    Place place = place_of<Weights>(x, least, min((u64)((1.0 - (double)top_p) * (double)all), all - 1)); // the most probable stays
    u64 weight = (u64)(expf(__uint_as_float(place.key >> 31 ? place.key & 0x7fffffffu : ~place.key) - x.most) * 1099511627776.0f);
    return {place.key, place.left / weight}; // tokens of one key weigh the same
}

__device__ inline u64 mixed(u64 x) // as in RandomSeed.cs
{
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ x >> 27) * 0x94D049BB133111EBull;
    return x ^ x >> 31;
}

// 53 bits in 0 (included) to 1 (excluded), as TokenSampler.cs draws them.
__device__ inline double uniform(int seed, int row, int draw)
{
    Words words = philox(mixed(mixed(mixed((unsigned)seed) ^ (u64)row) ^ (u64)draw), 0);
    return (double)((u64)words.word[0] << 21 ^ words.word[1] >> 11) * (1.0 / 9007199254740992.0);
}

// Threads own stretches of tokens in order: equals at the cut are counted, then weights summed, and the thread in whose stretch the sum passes the number drawn has the token.
extern "C" __global__ void draw_token(const float* logits, int* counters, int* tokens, int rows, int vocabulary, float temperature, int top_k, float top_p, int seed)
{
    __shared__ int token;
    const float* row = logits + (size_t)blockIdx.x * vocabulary;
    float most = greatest(row, vocabulary);
    int fault = fault_of(most), each = (vocabulary + THREADS - 1) / THREADS, first = min(vocabulary, (int)threadIdx.x * each), end = min(vocabulary, first + each);
    if (threadIdx.x == 0)
        token = fault;
    Logits x = {row, vocabulary, temperature, most / temperature};
    Kept kept = {0, 0};
    u64 equal = 0, sum = 0, all;
    if (!fault) // for all threads alike
        kept = narrowed(x, top_k, top_p);
    for (int i = first; i < end; i++)
        equal += x.key(i) == kept.cut;
    u64 equals = sum_before(equal, all);
    u64 seen = equals;
    for (int i = first; i < end; i++)
        sum += x.key(i) > kept.cut || (x.key(i) == kept.cut && seen++ >= kept.skipped) ? x.weight(i) : 0;
    u64 before = sum_before(sum, all), target = (u64)(uniform(seed, blockIdx.x, counters[rows + blockIdx.x]) * (double)all);
    if (!fault && before <= target && target - before < sum) // one thread
    {
        seen = equals;
        u64 left = target - before;
        for (int i = first; i < end; i++)
        {
            u64 weight = x.key(i) > kept.cut || (x.key(i) == kept.cut && seen++ >= kept.skipped) ? x.weight(i) : 0;
            if (left < weight)
            {
                token = i;
                break;
            }
            left -= weight;
        }
    }
    __syncthreads();
    if (threadIdx.x == 0)
        choose(token, counters, tokens, rows);
}
