// What comes after the sums of a convolution that a library has stored, and copies of pixels: dense images, 16 bytes a thread. Bound by memory. Indices are of 32 bits: one of 64 would
// take longer to divide than the numbers take to come.

// Numbers that come in one load.
template <class T>
struct __align__(16) Lanes
{
    static const int count = 16 / sizeof(T);
    T lane[count];
};

template <class T>
__device__ inline float finished(float sum, T residual, bool has_residual, float b, int activation)
{
    sum += b;
    if (has_residual)
        sum += widened(residual);
    return activated(sum, activation);
}

// The biases of a thread's channels; 0 where there are none.
template <class T>
__device__ inline void load_bias(const float* b, unsigned column, float (&values)[Lanes<T>::count])
{
    for (int k = 0; k < Lanes<T>::count; k += 4)
    {
        float4 four = b ? *(const float4*)(b + column * Lanes<T>::count + k) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        values[k] = four.x;
        values[k + 1] = four.y;
        values[k + 2] = four.z;
        values[k + 3] = four.w;
    }
}

// y = activation(sums + b + residual): `count` vectors, `columns` of them a pixel. y may be sums or residual.
#define FINISH_DENSE(suffix, T)                                                                                                                               \
    extern "C" __global__ void conv2d_finish##suffix(const T* sums, const float* b, const T* residual, T* y, unsigned count, unsigned columns, int activation) \
    {                                                                                                                                                         \
        unsigned i = blockIdx.x * blockDim.x + threadIdx.x;                                                                                                   \
        if (i >= count)                                                                                                                                       \
            return;                                                                                                                                           \
        Lanes<T> from = ((const Lanes<T>*)sums)[i], beside = {};                                                                                              \
        if (residual)                                                                                                                                         \
            beside = ((const Lanes<T>*)residual)[i];                                                                                                          \
        float bias[Lanes<T>::count];                                                                                                                          \
        load_bias<T>(b, i % columns, bias);                                                                                                                   \
        for (int k = 0; k < Lanes<T>::count; k++)                                                                                                             \
            put(&from.lane[k], finished(widened(from.lane[k]), beside.lane[k], residual != nullptr, bias[k], activation));                                    \
        ((Lanes<T>*)y)[i] = from;                                                                                                                             \
    }
FOR_STORED(FINISH_DENSE)

// The same with the largest of each 2 x 2 pixels; `count` vectors of y [n, height / 2, width / 2], sums [n, height, width].
#define FINISH_POOLED(suffix, T)                                                                                                                              \
    extern "C" __global__ void conv2d_finish_pooled##suffix(const T* sums, const float* b, const T* residual, T* y, unsigned count, unsigned columns,         \
        unsigned height, unsigned width, int activation)                                                                                                      \
    {                                                                                                                                                         \
        unsigned i = blockIdx.x * blockDim.x + threadIdx.x;                                                                                                   \
        if (i >= count)                                                                                                                                       \
            return;                                                                                                                                           \
        unsigned pixel = i / columns, column = i - pixel * columns, row = pixel / (width / 2), w = pixel - row * (width / 2), n = row / (height / 2),         \
                 h = row - n * (height / 2);                                                                                                                  \
        size_t first = ((n * (size_t)height + 2 * h) * width + 2 * w) * columns + column;                                                                     \
        size_t places[4] = {first, first + columns, first + (size_t)width * columns, first + (size_t)width * columns + columns};                              \
        Lanes<T> from[4], beside[4] = {};                                                                                                                     \
        for (int p = 0; p < 4; p++)                                                                                                                           \
            from[p] = ((const Lanes<T>*)sums)[places[p]];                                                                                                     \
        for (int p = 0; p < 4 && residual; p++)                                                                                                               \
            beside[p] = ((const Lanes<T>*)residual)[places[p]];                                                                                               \
        float bias[Lanes<T>::count];                                                                                                                          \
        load_bias<T>(b, column, bias);                                                                                                                        \
        for (int k = 0; k < Lanes<T>::count; k++)                                                                                                             \
        {                                                                                                                                                     \
            float most = finished(widened(from[0].lane[k]), beside[0].lane[k], residual != nullptr, bias[k], activation);                                     \
            for (int p = 1; p < 4; p++)                                                                                                                       \
                most = larger(most, finished(widened(from[p].lane[k]), beside[p].lane[k], residual != nullptr, bias[k], activation));                         \
            put(&from[0].lane[k], most);                                                                                                                      \
        }                                                                                                                                                     \
        ((Lanes<T>*)y)[i] = from[0];                                                                                                                          \
    }
FOR_STORED(FINISH_POOLED)

// Pixels of a grid with steps, and back. `columns` units of 16 bytes a pixel.
struct Grid // as PixelGrid.Cuda.cs lays it out
{
    unsigned height, width, out_height, out_width, step_down, step_across, columns;
};

// y [n, out_height, out_width] = every step-th pixel of x [n, height, width].
extern "C" __global__ void take_pixels(const uint4* x, uint4* y, unsigned count, Grid g)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned pixel = i / g.columns, column = i - pixel * g.columns, row = pixel / g.out_width, w = pixel - row * g.out_width, n = row / g.out_height, h = row - n * g.out_height;
    y[i] = x[((n * (size_t)g.height + h * g.step_down) * g.width + w * g.step_across) * g.columns + column];
}

// x = beta x + y on those pixels; with beta 0 the others become 0. beta is 0 or 1.
#define PUT_PIXELS(suffix, T)                                                                                                                                         \
    extern "C" __global__ void put_pixels##suffix(const Lanes<T>* y, Lanes<T>* x, unsigned count, Grid g, float beta)                                                 \
    {                                                                                                                                                                 \
        unsigned i = blockIdx.x * blockDim.x + threadIdx.x;                                                                                                           \
        if (i >= count)                                                                                                                                               \
            return;                                                                                                                                                   \
        unsigned pixel = i / g.columns, column = i - pixel * g.columns, row = pixel / g.width, w = pixel - row * g.width, n = row / g.height, h = row - n * g.height; \
        unsigned p = h / g.step_down, q = w / g.step_across;                                                                                                          \
        bool meets = p * g.step_down == h && q * g.step_across == w && p < g.out_height && q < g.out_width;                                                           \
        if (!meets && beta != 0.0f)                                                                                                                                   \
            return;                                                                                                                                                   \
        Lanes<T> value = {};                                                                                                                                          \
        if (meets)                                                                                                                                                    \
            value = y[((n * (size_t)g.out_height + p) * g.out_width + q) * g.columns + column];                                                                       \
        if (beta != 0.0f)                                                                                                                                             \
        {                                                                                                                                                             \
            Lanes<T> old = x[i];                                                                                                                                      \
            for (int k = 0; k < Lanes<T>::count; k++)                                                                                                                 \
                put(&value.lane[k], widened(old.lane[k]) + widened(value.lane[k]));                                                                                   \
        }                                                                                                                                                             \
        x[i] = value;                                                                                                                                                 \
    }
FOR_STORED(PUT_PIXELS)
