using Graft.Layers;
using PureHDF;

namespace Graft.Tests.Golden;

/// <summary>Writes a model's weights as Keras 2 does, in HDF5: for tests that need a file of a large network, which no repository should hold.</summary>
internal static class KerasFile
{
    /// <summary>Writes the weights that the model has, drawn anew where nothing was loaded.</summary>
    public static void Write(Model model, string path)
    {
        var file = new H5File();
        Layer[] layers = [.. KerasWeights.Leaves(model).Where(l => l.Parameters.Count > 0)];
        foreach (Layer layer in layers)
        {
            var arrays = new H5Group();
            foreach (Parameter p in layer.Parameters)
                arrays[$"{p.Name}:0"] = Dataset(layer, p);
            file[layer.Name] = new H5Group { [layer.Name] = arrays, Attributes = { ["weight_names"] = layer.Parameters.Select(p => $"{layer.Name}/{p.Name}:0").ToArray() } };
        }
        file.Attributes["layer_names"] = layers.Select(l => l.Name).ToArray();
        file.Attributes["backend"] = "tensorflow";
        file.Attributes["keras_version"] = "2.15.0";
        file.Write(path);
    }

    // [O,R,S,I] to Keras's [R,S,I,O]: the first axis moves to the end.
    private static H5Dataset Dataset(Layer layer, Parameter parameter)
    {
        float[] values = parameter.Value.ToArray();
        ulong[] dims = [.. parameter.Shape.Dims.ToArray().Select(d => (ulong)d)];
        if (!KerasWeights.IsConvolution(layer, parameter))
            return new H5Dataset(values, fileDims: dims);
        int outputs = parameter.Shape[0], rest = values.Length / outputs;
        var moved = new float[values.Length];
        for (int o = 0; o < outputs; o++)
        {
            for (int r = 0; r < rest; r++)
                moved[r * outputs + o] = values[o * rest + r];
        }
        return new H5Dataset(moved, fileDims: [.. dims[1..], dims[0]]);
    }
}
