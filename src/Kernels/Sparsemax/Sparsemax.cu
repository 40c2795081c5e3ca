// A block owns a row. The threshold needs no sorting: with too many numbers as the support, t = (their sum - 1) / their count is not above the one that is sought,
// and numbers that are not above t cannot belong to the support. So these are left out and t is taken anew, until none falls. A few passes over a row that stays in
// the cache, each bound by reading it. Michelot 1986, "A finite algorithm for finding the projection of a point onto the canonical simplex of R^n".

extern "C" __global__ void sparsemax_forward(const float* x, float* y, int columns)
{
    const float* from = x + (size_t)blockIdx.x * columns;
    float* to = y + (size_t)blockIdx.x * columns;
    float largest = -__int_as_float(INFINITY_BITS);
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        largest = larger(largest, from[c]);
    double most = block_join<Largest>(largest); // subtracted: beside large numbers the 1 would be lost
    double threshold = -1.0; // of a largest number of 0, t is not below it
    for (int before = columns + 1;;)
    {
        double sum = 0.0;
        int count = 0;
        for (int c = threadIdx.x; c < columns; c += blockDim.x)
        {
            if (from[c] - most > threshold)
            {
                sum += from[c] - most;
                count++;
            }
        }
        sum = block_join<Sum>(sum);
        count = block_join<Sum>(count);
        if (count >= before || count == 0) // 0: of a row with NaN
            break;
        threshold = (sum - 1.0) / count;
        before = count;
    }
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        to[c] = (float)larger(from[c] - most - threshold, 0.0);
}

extern "C" __global__ void sparsemax_backward(const float* y, const float* dy, float* dx, int columns, float beta)
{
    size_t row = (size_t)blockIdx.x * columns;
    double sum = 0.0;
    int support = 0;
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
    {
        sum += y[row + c] > 0.0f ? dy[row + c] : 0.0f;
        support += y[row + c] > 0.0f ? 1 : 0;
    }
    double mean = block_join<Sum>(sum) / block_join<Sum>(support);
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        store(dx + row + c, y[row + c] > 0.0f ? (float)(dy[row + c] - mean) : 0.0f, beta);
}
