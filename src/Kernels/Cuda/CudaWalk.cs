using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graft.Kernels.Cuda;

/// <summary>Extents of axes with what divides by them, laid out as Walk of Walk.cuh.</summary>
internal struct CudaWalk
{
    /// <summary>The most elements that 32 bits count.</summary>
    public const int Most = int.MaxValue;

    private const int Divided = Axes.Most - 1; // the first axis divides nothing

    private readonly int _rank;
    private Words _by, _magic;
    private Bytes _shift;

    private CudaWalk(in Axes extents)
    {
        _rank = extents.Rank;
        for (int axis = 1; axis < _rank; axis++)
        {
            var divisor = Divisor.Of(extents[axis]);
            (_by[axis - 1], _magic[axis - 1], _shift[axis - 1]) = (divisor.By, divisor.Magic, (byte)divisor.Shift);
        }
    }

    /// <summary>The walk over these axes; they have at most <see cref="Most"/> elements.</summary>
    public static CudaWalk Over(in Axes extents) => new(extents);

    /// <summary>The strides as 32-bit numbers.</summary>
    public static KernelArgument Strides(in Axes strides) =>
        KernelArgument.Of(new Strides32((uint)strides.D0, (uint)strides.D1, (uint)strides.D2, (uint)strides.D3, (uint)strides.D4, (uint)strides.D5));

    /// <summary>True where every offset fits 32 bits.</summary>
    public static bool Fits(in Axes extents, in Axes strides)
    {
        long last = 0;
        for (int axis = 0; axis < extents.Rank; axis++)
            last += (extents[axis] - 1) * strides[axis];
        return extents.Product <= Most && last <= Most;
    }

    /// <summary>Height and width of images, laid out as Pixels of Walk.cuh.</summary>
    public static KernelArgument Pixels(long height, long width) => KernelArgument.Of(new PixelDivisors(Divisor.Of(height), Divisor.Of(width)));

    /// <summary>A number and what multiplies in place of a division by it, laid out as Divisor of Walk.cuh.</summary>
    internal readonly record struct Divisor(uint By, uint Magic, uint Shift)
    {
        /// <summary>For divisors from 1 to 2^31 - 1.</summary>
        public static Divisor Of(long by)
        {
            int shift = by <= 1 ? 0 : BitOperations.Log2((ulong)by - 1) + 1; // 2^shift >= by
            return new((uint)by, (uint)(((1UL << 32) * ((1UL << shift) - (ulong)by) / (ulong)by) + 1), (uint)shift);
        }
    }

    private readonly record struct Strides32(uint D0, uint D1, uint D2, uint D3, uint D4, uint D5);

    private readonly record struct PixelDivisors(Divisor Height, Divisor Width);

    [InlineArray(Divided)]
    private struct Words
    {
        private uint _first;
    }

    [InlineArray(sizeof(ulong))]
    private struct Bytes
    {
        private byte _first;
    }
}
