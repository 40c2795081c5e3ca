namespace Graft.Weights;

/// <summary>How an array of a file is laid out, compared with this engine's parameter.</summary>
public enum WeightLayout
{
    /// <summary>The same.</summary>
    Same,

    /// <summary>A convolution weight [O,I,R,S]; the engine has [O,R,S,I].</summary>
    ConvOihw,

    /// <summary>A dense weight [out,in]; the engine has [in,out].</summary>
    DenseTransposed,
}

/// <summary>Where a parameter is found in a file.</summary>
/// <param name="Name">The array's name.</param>
/// <param name="Layout">How it is laid out there.</param>
public sealed record WeightName(string Name, WeightLayout Layout = WeightLayout.Same)
{
    /// <summary>The shape that the file must have for a parameter of the given shape.</summary>
    public Shape FileShape(Shape parameter) => Layout switch
    {
        WeightLayout.ConvOihw => new Shape(parameter[0], parameter[3], parameter[1], parameter[2]),
        WeightLayout.DenseTransposed => new Shape(parameter[1], parameter[0]),
        _ => parameter,
    };

    /// <summary>The file's numbers in the parameter's order.</summary>
    public float[] Convert(float[] values, Shape parameter)
    {
        if (Layout == WeightLayout.Same)
            return values;
        var result = new float[values.Length];
        if (Layout == WeightLayout.DenseTransposed)
        {
            int rows = parameter[0], columns = parameter[1];
            for (int i = 0; i < rows; i++)
            {
                for (int j = 0; j < columns; j++)
                    result[i * columns + j] = values[j * rows + i];
            }
            return result;
        }
        int outputs = parameter[0], pixels = parameter[1] * parameter[2], inputs = parameter[3];
        for (int o = 0; o < outputs; o++)
        {
            for (int p = 0; p < pixels; p++)
            {
                for (int i = 0; i < inputs; i++)
                    result[(o * pixels + p) * inputs + i] = values[(o * inputs + i) * pixels + p];
            }
        }
        return result;
    }

    /// <summary>torchvision's names: weight, bias, running_mean, running_var behind the layer's name.</summary>
    public static WeightName Torch(string layer, string parameter, Shape shape) => parameter switch
    {
        "kernel" when shape.Rank == 4 => new($"{layer}.weight", WeightLayout.ConvOihw),
        "kernel" => new($"{layer}.weight", WeightLayout.DenseTransposed),
        "gamma" => new($"{layer}.weight"),
        "bias" or "beta" => new($"{layer}.bias"),
        "moving_mean" => new($"{layer}.running_mean"),
        "moving_variance" => new($"{layer}.running_var"),
        _ => new($"{layer}.{parameter}"),
    };
}
