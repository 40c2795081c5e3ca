using System.Runtime.CompilerServices;
using PureHDF;
using PureHDF.VOL.Native;

namespace Graft.Importers.Keras;

/// <summary>The numbers of HDF5 arrays and attributes, also in a program that is compiled ahead of time.</summary>
/// <remarks>
/// PureHDF makes its code for a type at run time, by reflection, where an array is asked for; into a span it reads without, but for two methods. A compiler ahead of time
/// compiles what is named, so these are named here.
/// </remarks>
internal static class Hdf5Numbers
{
    /// <summary>All numbers of an array, row-major; the one of a scalar.</summary>
    public static T[] Of<T>(IH5Dataset dataset)
        where T : unmanaged
    {
        T[] values = Room<T>(dataset.Space);
        ((NativeDataset)dataset).Read(values.AsSpan());
        return values;
    }

    /// <summary>All numbers of an attribute.</summary>
    public static T[] Of<T>(IH5Attribute attribute)
        where T : unmanaged
    {
        T[] values = Room<T>(attribute.Space);
        ((NativeAttribute)attribute).Read(values.AsSpan());
        return values;
    }

    private static T[] Room<T>(IH5Dataspace space)
        where T : unmanaged
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
            GC.KeepAlive((Decoder<T>(null), (Func<bool>)RuntimeHelpers.IsReferenceOrContainsReferences<T>));
        ulong count = 1;
        foreach (ulong extent in space.Type == H5DataspaceType.Scalar ? [] : space.Dimensions)
            count = checked(count * extent);
        return new T[count];
    }

    [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "GetDecodeInfoForUnmanagedMemory")]
    [return: UnsafeAccessorType("PureHDF.VOL.Native.DecodeDelegate`1[[!!0]], PureHDF")]
    private static extern object Decoder<T>([UnsafeAccessorType("PureHDF.VOL.Native.DatatypeMessage, PureHDF")] object? of)
        where T : struct;
}
