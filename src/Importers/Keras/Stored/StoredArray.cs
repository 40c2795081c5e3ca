using PureHDF;

namespace Graft.Importers.Keras.Stored;

/// <summary>An array of a file, or what becomes of several: read when it is asked for.</summary>
/// <param name="Name">Its name, for matching.</param>
/// <param name="Path">Where it is in the file, for errors.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Read">Gives the numbers, row-major.</param>
internal sealed record StoredArray(string Name, string Path, Shape Shape, Func<float[]> Read)
{
    /// <summary>False for counters and states of random generators.</summary>
    public bool IsFloat { get; init; } = true;

    /// <summary>An array of an HDF5 file.</summary>
    public static StoredArray Of(IH5Dataset dataset, Hdf5Source source, string path, string name) =>
        new(name, path, new Shape([.. (dataset.Space.Dimensions ?? []).Select(d => checked((int)d))]), () => source.Read(root => Hdf5Source.ReadNumbers(root.Dataset(path), source.Path)))
        {
            IsFloat = dataset.Type.Class == H5DataTypeClass.FloatingPoint,
        };

    /// <summary>The axes in another order: axis i of the result is axis order[i] of this.</summary>
    public StoredArray Transposed(params int[] order)
    {
        var shape = new Shape([.. order.Select(a => Shape[a])]);
        return this with { Shape = shape, Read = () => AxisPermutation.Of(Read(), Shape, order) };
    }

    /// <summary>The same numbers under another shape.</summary>
    public StoredArray Reshaped(Shape shape) => this with { Shape = shape };

    /// <summary>A kernel turned by 180 degrees in space: Theano's convolution against everyone else's.</summary>
    public StoredArray Rotated() => this with
    {
        Read = () =>
        {
            float[] values = Read();
            KerasHdf5.Rotate(values, Shape);
            return values;
        },
    };

    /// <summary>Arrays of equal extents but for the last axis, side by side along it.</summary>
    public static StoredArray Joined(params StoredArray[] parts)
    {
        var shape = new Shape([.. parts[0].Shape.Dims[..^1], parts.Sum(p => p.Shape[-1])]);
        return new StoredArray(parts[0].Name, string.Join(" + ", parts.Select(p => p.Path)), shape, () => Join([.. parts.Select(p => (p.Read(), p.Shape[-1]))], checked((int)shape.Count)));
    }

    private static float[] Join((float[] Values, int Width)[] parts, int count)
    {
        var result = new float[count];
        int width = parts.Sum(p => p.Width), rows = count / width;
        for (int row = 0; row < rows; row++)
        {
            int at = row * width;
            foreach ((float[] values, int own) in parts)
            {
                values.AsSpan(row * own, own).CopyTo(result.AsSpan(at));
                at += own;
            }
        }
        return result;
    }
}
