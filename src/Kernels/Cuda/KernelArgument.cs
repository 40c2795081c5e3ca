using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Graft.Kernels.Cuda;

/// <summary>One argument of a kernel, by value: an address, a number, the extents of some axes, or a small struct.</summary>
internal struct KernelArgument
{
    /// <summary>Bytes of the largest: the sizes of a convolution.</summary>
    public const int MostBytes = 64;

    private Bytes _value;

    /// <summary>Its size in bytes.</summary>
    public int Size { get; private init; }

    /// <summary>Where the value begins: it lies at the start of the struct.</summary>
    public static unsafe void* ValueOf(KernelArgument* argument) => &argument->_value;

    public static implicit operator KernelArgument(DevicePtr<float> value) => Of(value.Address);

    public static implicit operator KernelArgument(nint value) => Of(value);

    public static implicit operator KernelArgument(int value) => Of(value);

    public static implicit operator KernelArgument(uint value) => Of(value);

    public static implicit operator KernelArgument(long value) => Of(value);

    public static implicit operator KernelArgument(ulong value) => Of(value);

    public static implicit operator KernelArgument(double value) => Of(value);

    public static implicit operator KernelArgument(float value) => Of(value);

    public static implicit operator KernelArgument(Axes value) => Of(value);

    /// <summary>A struct that a kernel takes by value, laid out alike.</summary>
    public static unsafe KernelArgument Of<T>(T value)
        where T : unmanaged
    {
        Debug.Assert(sizeof(T) <= MostBytes, $"{typeof(T)} has {sizeof(T)} bytes, {MostBytes} are the most.");
        var argument = new KernelArgument { Size = sizeof(T) };
        Unsafe.As<Bytes, T>(ref argument._value) = value;
        return argument;
    }

    [InlineArray(MostBytes / sizeof(ulong))]
    private struct Bytes
    {
        private ulong _first;
    }
}
