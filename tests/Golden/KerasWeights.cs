using Graft.Layers;
using PureHDF;
using PureHDF.VOL.Native;

namespace Graft.Tests.Golden;

/// <summary>Golden weights of Keras, in this engine's layout and back.</summary>
internal static class KerasWeights
{
    /// <summary>True where Keras has the output channels last and this engine has them first: Conv2D, Conv2DTranspose, pointwise.</summary>
    public static bool IsConvolution(Layer layer, Parameter parameter) =>
        parameter.Name == "pointwise_kernel" || (parameter.Name == "kernel" && layer is Conv2D or Conv2DTranspose && parameter.Shape.Rank == 4);

    /// <summary>Keras's numbers in the parameter's order: of [R,S,I,O] (and of the transposed [R,S,O,I]) the last axis moves to the front.</summary>
    public static float[] ToGraft(Layer layer, Parameter parameter, float[] values)
    {
        if (!IsConvolution(layer, parameter))
            return values;
        int first = parameter.Shape[0], rest = values.Length / first;
        return [.. Enumerable.Range(0, values.Length).Select(i => values[i % rest * first + i / rest])];
    }

    /// <summary>Sets every parameter of a model from a flat weight file, by layer name.</summary>
    public static void Load(Model model, string path)
    {
        foreach ((_, Parameter parameter, float[] values) in Read(model, path))
            parameter.Set(values);
    }

    /// <summary>Every parameter with its name in the file ("conv_a/bias") and the file's numbers in the parameter's order.</summary>
    public static List<(string Name, Parameter Parameter, float[] Values)> Read(Model model, string path)
    {
        using NativeFile file = H5File.OpenRead(path);
        var all = new List<(string, Parameter, float[])>();
        foreach (Layer layer in Leaves(model))
        {
            foreach (Parameter p in layer.Parameters)
            {
                string stored = layer is DepthwiseConv2D && p.Name == "kernel" ? "depthwise_kernel" : p.Name;
                float[] values = file.Group($"{layer.Name}/{layer.Name}").Dataset($"{stored}:0").Read<float[]>();
                Xunit.Assert.Equal(p.Shape.Count, values.Length);
                all.Add(($"{layer.Name}/{stored}", p, ToGraft(layer, p, values)));
            }
        }
        return all;
    }

    /// <summary>The layers of a model and of the models in it.</summary>
    public static IEnumerable<Layer> Leaves(Model model) => model.Layers.SelectMany(l => l is Model inner ? Leaves(inner) : [l]);
}
