// From the number of an element to its place in arrays with strides, without a division: by CudaWalk.cs, for fewer than 2^31 elements.

// Divides numbers below 2^31: quotient = (high word of n magic + n) >> shift. Granlund and Montgomery 1994, "Division by invariant integers using multiplication".
struct Divisor
{
    unsigned by, magic, shift;

    __device__ __forceinline__ unsigned quotient(unsigned n) const { return (__umulhi(n, magic) + n) >> shift; }
};

// Extents of up to six axes; the first one divides nothing.
struct Walk
{
    int rank;
    unsigned by[5], magic[5];
    unsigned char shift[8];
};

struct Strides
{
    unsigned d[6];
};

// Offsets of element `index` in two arrays. Every index of an array is a constant, so that nothing is copied to local memory; the branches are the same for the whole grid.
__device__ __forceinline__ void walk_both(const Walk& walk, unsigned index, const Strides& strides_a, const Strides& strides_b, unsigned& a, unsigned& b)
{
    a = b = 0;
#pragma unroll
    for (int axis = 5; axis > 0; axis--)
    {
        if (axis < walk.rank)
        {
            unsigned next = (__umulhi(index, walk.magic[axis - 1]) + index) >> walk.shift[axis - 1], along = index - next * walk.by[axis - 1];
            a += along * strides_a.d[axis];
            b += along * strides_b.d[axis];
            index = next;
        }
    }
    a += index * strides_a.d[0];
    b += index * strides_b.d[0];
}

__device__ __forceinline__ unsigned walked(const Walk& walk, unsigned index, const Strides& strides)
{
    unsigned offset, same;
    walk_both(walk, index, strides, strides, offset, same);
    return offset;
}

// Pixels of images in order, for 32-bit numbers of them.
struct Pixels
{
    Divisor height, width;
};

struct Place
{
    unsigned n;
    int h, w;
};

__device__ __forceinline__ Place place_of(const Pixels& pixels, unsigned index)
{
    unsigned row = pixels.width.quotient(index), n = pixels.height.quotient(row);
    return {n, (int)(row - n * pixels.height.by), (int)(index - row * pixels.width.by)};
}
