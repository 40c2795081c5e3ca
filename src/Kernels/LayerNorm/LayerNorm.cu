// A block owns a row; three passes over it forward (mean, deviation, result), two backward. Rows of up to some thousand numbers stay in the cache, so that it
// is bound by reading and writing each number once.

// means and rstds may be null.
template <class T>
__device__ inline void layer_norm(const T* x, const float* scale, const float* shift, T* y, float* means, float* rstds, int columns, float epsilon)
{
    const T* from = x + (size_t)blockIdx.x * columns;
    T* to = y + (size_t)blockIdx.x * columns;
    float sum = 0.0f, squares = 0.0f;
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        sum += widened(from[c]);
    float mean = block_join<Sum>(sum) / columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        squares += (widened(from[c]) - mean) * (widened(from[c]) - mean);
    float rstd = 1.0f / sqrtf(block_join<Sum>(squares) / columns + epsilon);
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        put(to + c, (widened(from[c]) - mean) * rstd * scale[c] + shift[c]);
    if (means && threadIdx.x == 0)
    {
        means[blockIdx.x] = mean;
        rstds[blockIdx.x] = rstd;
    }
}

#define LAYER_NORM(suffix, T)                                                                                                                                          \
    extern "C" __global__ void layer_norm_forward##suffix(const T* x, const float* scale, const float* shift, T* y, float* means, float* rstds, int columns, float epsilon) \
    {                                                                                                                                                                  \
        layer_norm(x, scale, shift, y, means, rstds, columns, epsilon);                                                                                                \
    }
FOR_STORED(LAYER_NORM)

extern "C" __global__ void layer_norm_backward(const float* x, const float* dy, const float* scale, const float* means, const float* rstds, float* dx, int columns, float beta)
{
    size_t row = (size_t)blockIdx.x * columns;
    float mean = means[blockIdx.x], rstd = rstds[blockIdx.x], sum = 0.0f, product = 0.0f;
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
    {
        float d = dy[row + c] * scale[c];
        sum += d;
        product += d * (x[row + c] - mean) * rstd;
    }
    sum = block_join<Sum>(sum) / columns;
    product = block_join<Sum>(product) / columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        store(dx + row + c, rstd * (dy[row + c] * scale[c] - sum - (x[row + c] - mean) * rstd * product), beta);
}

#define COLUMNS 32
#define COLUMN_ROWS 8

// The sum over a segment of rows (blockIdx.y) of dy xhat, into to [segments, columns]. A block owns 32 neighbouring columns, 8 threads share the rows of each.
extern "C" __global__ void layer_norm_scale(
    const float* x, const float* dy, const float* means, const float* rstds, float* to, long long rows, int columns, long long segment, float beta)
{
    __shared__ double parts[COLUMN_ROWS][COLUMNS];
    int column = blockIdx.x * COLUMNS + threadIdx.x;
    long long end = min(rows, (blockIdx.y + 1) * segment);
    double sum = 0.0;
    for (long long row = blockIdx.y * segment + threadIdx.y; column < columns && row < end; row += COLUMN_ROWS)
        sum += dy[row * columns + column] * (x[row * columns + column] - means[row]) * rstds[row];
    parts[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || column >= columns)
        return;
    for (int row = 1; row < COLUMN_ROWS; row++)
        sum += parts[row][threadIdx.x];
    store(to + blockIdx.y * (size_t)columns + column, (float)sum, beta);
}
