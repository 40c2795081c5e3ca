// The first rungs of the ladder: each kernel as one would write it first, a thread to an output (or to a row), nothing shared, nothing kept. The engine's own and
// the libraries' stand beside them in the table; what they gain is what tiles, shared memory and whole rows by one block are worth.

// c [m,n] = a [m,k] b [k,n]. A thread owns an output; reads 2 k numbers from memory for 2 k operations.
extern "C" __global__ void naive_product(const float* a, const float* b, float* c, int m, int n, int k)
{
    OVER_ELEMENTS(i, (long long)m * n)
    {
        long long row = i / n, column = i % n;
        float sum = 0.0f;
        for (int j = 0; j < k; j++)
            sum += a[row * k + j] * b[(long long)j * n + column];
        c[i] = sum;
    }
}

// y [n,out_h,out_w,o], a square filter with even padding; x [n,h,w,c], filter [o,size,size,c]. A thread owns an output.
extern "C" __global__ void naive_convolution(const float* x, const float* filter, const float* bias, float* y, int n, int h, int w, int c, int o, int size, int stride, int padding)
{
    int out_h = (h + 2 * padding - size) / stride + 1, out_w = (w + 2 * padding - size) / stride + 1;
    OVER_ELEMENTS(i, (long long)n * out_h * out_w * o)
    {
        int k = (int)(i % o);
        Pixel out = pixel_of(i / o, out_h, out_w);
        float sum = bias[k];
        for (int r = 0; r < size; r++)
            for (int s = 0; s < size; s++)
            {
                int row = out.h * stride + r - padding, column = out.w * stride + s - padding;
                if (row < 0 || row >= h || column < 0 || column >= w)
                    continue;
                const float* from = x + ((out.n * h + row) * w + column) * c;
                const float* by = filter + (((long long)k * size + r) * size + s) * c;
                for (int j = 0; j < c; j++)
                    sum += from[j] * by[j];
            }
        y[i] = sum;
    }
}

// A thread owns a row: neighbouring threads read numbers that lie a row apart.
extern "C" __global__ void naive_softmax(const float* x, float* y, int rows, int columns)
{
    OVER_ELEMENTS(row, rows)
    {
        const float* from = x + row * columns;
        float largest = from[0], sum = 0.0f;
        for (int j = 1; j < columns; j++)
            largest = larger(largest, from[j]);
        for (int j = 0; j < columns; j++)
            sum += expf(from[j] - largest);
        for (int j = 0; j < columns; j++)
            y[row * columns + j] = expf(from[j] - largest) / sum;
    }
}

// A thread owns a row.
extern "C" __global__ void naive_layer_norm(const float* x, const float* scale, const float* shift, float* y, int rows, int columns, float epsilon)
{
    OVER_ELEMENTS(row, rows)
    {
        const float* from = x + row * columns;
        float mean = 0.0f, variance = 0.0f;
        for (int j = 0; j < columns; j++)
            mean += from[j];
        mean /= columns;
        for (int j = 0; j < columns; j++)
            variance += (from[j] - mean) * (from[j] - mean);
        float factor = rsqrtf(variance / columns + epsilon);
        for (int j = 0; j < columns; j++)
            y[row * columns + j] = (from[j] - mean) * factor * scale[j] + shift[j];
    }
}

// y [columns]: a thread owns a column, so that there are few threads for many rows.
extern "C" __global__ void naive_column_sums(const float* x, float* y, int rows, int columns)
{
    OVER_ELEMENTS(j, columns)
    {
        double sum = 0.0;
        for (long long row = 0; row < rows; row++)
            sum += x[row * columns + j];
        y[j] = (float)sum;
    }
}

// y [columns,rows]: neighbouring threads write numbers that lie a column apart.
extern "C" __global__ void naive_transpose(const float* x, float* y, int rows, int columns)
{
    OVER_ELEMENTS(i, (long long)rows * columns)
        y[i % columns * rows + i / columns] = x[i];
}

// qkv [tokens,3 heads d] to y [tokens,heads d]: a thread owns a query of a head and walks over all keys twice.
extern "C" __global__ void naive_attention(const float* qkv, float* y, int tokens, int heads, int d, float scale)
{
    long long step = 3LL * heads * d;
    OVER_ELEMENTS(i, (long long)tokens * heads)
    {
        int head = (int)(i % heads), t = (int)(i / heads);
        const float *q = qkv + t * step + head * d, *keys = qkv + (long long)heads * d + head * d, *values = keys + (long long)heads * d;
        float* out = y + ((long long)t * heads + head) * d;
        float largest = -3.4e38f, sum = 0.0f;
        for (int j = 0; j < d; j++)
            out[j] = 0.0f;
        for (int pass = 0; pass < 2; pass++)
            for (int u = 0; u <= t; u++)
            {
                float score = 0.0f;
                for (int j = 0; j < d; j++)
                    score += q[j] * keys[u * step + j];
                score *= scale;
                if (pass == 0)
                {
                    largest = larger(largest, score);
                    continue;
                }
                float weight = expf(score - largest);
                sum += weight;
                for (int j = 0; j < d; j++)
                    out[j] += weight * values[u * step + j];
            }
        for (int j = 0; j < d; j++)
            out[j] /= sum;
    }
}

// x, y [rows,c]: a thread owns a channel and walks over all rows three times, so that there are few threads.
extern "C" __global__ void naive_batch_norm(const float* x, const float* scale, const float* shift, float* y, int rows, int c, float epsilon)
{
    OVER_ELEMENTS(channel, c)
    {
        float mean = 0.0f, variance = 0.0f;
        for (long long row = 0; row < rows; row++)
            mean += x[row * c + channel];
        mean /= rows;
        for (long long row = 0; row < rows; row++)
        {
            float difference = x[row * c + channel] - mean;
            variance += difference * difference;
        }
        float factor = rsqrtf(variance / rows + epsilon) * scale[channel];
        for (long long row = 0; row < rows; row++)
            y[row * c + channel] = (x[row * c + channel] - mean) * factor + shift[channel];
    }
}

// The largest of windows of 3 x 3, two apart, with one pixel of padding: a thread owns a number and asks at every one whether it is inside.
extern "C" __global__ void naive_max_pool(const float* x, float* y, int n, int size, int out, int c)
{
    OVER_ELEMENTS(i, (long long)n * out * out * c)
    {
        int channel = (int)(i % c), q = (int)(i / c % out), p = (int)(i / c / out % out);
        const float* image = x + i / c / out / out * size * size * c;
        float most = -3.4e38f;
        for (int h = 2 * p - 1; h < 2 * p + 2; h++)
            for (int w = 2 * q - 1; w < 2 * q + 2; w++)
                if (h >= 0 && h < size && w >= 0 && w < size)
                    most = larger(most, image[((long long)h * size + w) * c + channel]);
        y[i] = most;
    }
}

// loss [rows] of logits and the number of a class: a thread owns a row.
extern "C" __global__ void naive_cross_entropy(const float* x, const float* labels, float* loss, int rows, int classes)
{
    OVER_ELEMENTS(row, rows)
    {
        const float* from = x + row * classes;
        float largest = from[0], sum = 0.0f;
        for (int j = 1; j < classes; j++)
            largest = larger(largest, from[j]);
        for (int j = 0; j < classes; j++)
            sum += expf(from[j] - largest);
        loss[row] = largest + logf(sum) - from[(int)labels[row]];
    }
}

// A thread owns a number, which it reads by itself: four bytes an access where the engine's kernels take sixteen.
extern "C" __global__ void naive_gelu(const float* x, float* y, int count)
{
    OVER_ELEMENTS(i, count)
        y[i] = 0.5f * x[i] * (1.0f + tanhf(0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i])));
}

extern "C" __global__ void naive_add(const float* a, const float* b, float* y, int count)
{
    OVER_ELEMENTS(i, count)
        y[i] = a[i] + b[i];
}

extern "C" __global__ void naive_relu_gradient(const float* y, const float* dy, float* dx, int count)
{
    OVER_ELEMENTS(i, count)
        dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

// Each number makes the four random words of which it needs one.
extern "C" __global__ void naive_dropout(const float* x, float* y, int count, float rate, unsigned long long seed)
{
    OVER_ELEMENTS(i, count)
        y[i] = unit(philox(seed, i / 4).word[i % 4]) >= rate ? x[i] / (1.0f - rate) : 0.0f;
}

// y [ids,columns]: a thread owns a number and reads the id of its row anew.
extern "C" __global__ void naive_embedding(const int* ids, const float* table, float* y, long long count, int columns)
{
    OVER_ELEMENTS(i, count)
        y[i] = table[(long long)ids[i / columns] * columns + i % columns];
}

extern "C" __global__ void naive_adam(float* w, const float* g, float* mean, float* square, int count, float corrected_rate, float beta1, float beta2, float epsilon)
{
    OVER_ELEMENTS(i, count)
    {
        mean[i] = beta1 * mean[i] + (1.0f - beta1) * g[i];
        square[i] = beta2 * square[i] + (1.0f - beta2) * g[i] * g[i];
        w[i] -= corrected_rate * mean[i] / (sqrtf(square[i]) + epsilon);
    }
}
