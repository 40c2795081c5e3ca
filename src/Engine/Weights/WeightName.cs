using Graft.Layers;

namespace Graft.Weights;

/// <summary>How an array of a file is laid out, compared with this engine's parameter.</summary>
public enum WeightLayout
{
    /// <summary>The same.</summary>
    Same,

    /// <summary>A convolution weight [R,S,I,O], as Keras has it, with one to three axes of a filter; the engine has [O,R,S,I].</summary>
    ConvHwio,

    /// <summary>A convolution weight [O,I,R,S], as PyTorch has it; the engine has [O,R,S,I].</summary>
    ConvOihw,

    /// <summary>A dense weight [out,in], as PyTorch has it; the engine has [in,out].</summary>
    DenseTransposed,

    /// <summary>A dense weight that is stored as the convolution [out,C,H,W] over the whole of <see cref="WeightName.FlattenedImage"/>.</summary>
    DenseOihw,
}

/// <summary>Where a parameter is found in a file.</summary>
/// <param name="Name">The array's name.</param>
/// <param name="Layout">How it is laid out there.</param>
public sealed record WeightName(string Name, WeightLayout Layout = WeightLayout.Same)
{
    /// <summary>
    /// For a dense layer behind Flatten: the [H,W,C] that was flattened, where the file's network flattens [C,H,W] (PyTorch). The rows are
    /// put into the engine's order. Null: nothing was flattened.
    /// </summary>
    public Shape? FlattenedImage { get; init; }

    /// <summary>The shape that the file must have for a parameter of the given shape.</summary>
    public Shape FileShape(Shape parameter) => Layout switch
    {
        WeightLayout.ConvHwio => new Shape([.. parameter.Dims[1..], parameter[0]]),
        WeightLayout.ConvOihw => new Shape(parameter[0], parameter[3], parameter[1], parameter[2]),
        WeightLayout.DenseTransposed => new Shape(parameter[1], parameter[0]),
        WeightLayout.DenseOihw => FlattenedImage is { } i ? new Shape(parameter[1], i[2], i[0], i[1]) : new Shape(parameter[1], parameter[0], 1, 1),
        _ => parameter,
    };

    /// <summary>The file's numbers in the parameter's order.</summary>
    public float[] Convert(float[] values, Shape parameter)
    {
        if (Layout == WeightLayout.Same)
            return values;
        var result = new float[values.Length];
        Convert(values, parameter, result);
        return result;
    }

    /// <summary>Writes the file's numbers in the parameter's order.</summary>
    public void Convert(ReadOnlySpan<float> values, Shape parameter, Span<float> result)
    {
        switch (Layout)
        {
            case WeightLayout.ConvHwio:
                Transpose(values, checked((int)(parameter.Count / Math.Max(1, parameter[0]))), parameter[0], result); // [RSI,O] -> [O,RSI]
                break;
            case WeightLayout.ConvOihw:
                FromOihw(values, parameter, result);
                break;
            case WeightLayout.DenseTransposed or WeightLayout.DenseOihw:
                FromTorchDense(values, parameter, result);
                break;
            default:
                values.CopyTo(result);
                break;
        }
    }

    /// <summary>The parameter's numbers in the file's order: the way back of <see cref="Convert(float[], Shape)"/>, for layouts that a file is written in.</summary>
    /// <exception cref="GraftException">Files are not written in that layout.</exception>
    public float[] ToFile(float[] values, Shape parameter)
    {
        if (Layout == WeightLayout.Same)
            return values;
        var result = new float[values.Length];
        switch (Layout)
        {
            case WeightLayout.ConvHwio:
                Transpose(values, parameter[0], checked((int)(parameter.Count / Math.Max(1, parameter[0]))), result); // [O,RSI] -> [RSI,O]
                return result;
            case WeightLayout.DenseTransposed when FlattenedImage is null:
                Transpose(values, parameter[0], parameter[1], result); // [in,out] -> [out,in]
                return result;
            default:
                throw new GraftException($"'{Name}' would be written as {Layout}; weights are written as the engine has them, as [R,S,I,O], or as [out,in].");
        }
    }

    /// <summary>PyTorch's names: weight, bias, running_mean, running_var behind the layer's name, with dots in its path.</summary>
    public static WeightName Torch(string layer, Parameter parameter)
    {
        string module = layer.Replace('/', '.');
        return parameter.Name switch
        {
            "kernel" when parameter.Shape.Rank == 4 => new($"{module}.weight", WeightLayout.ConvOihw),
            "kernel" => new($"{module}.weight", WeightLayout.DenseTransposed),
            "gamma" or "embeddings" => new($"{module}.weight"),
            "bias" or "beta" => new($"{module}.bias"),
            "moving_mean" => new($"{module}.running_mean"),
            "moving_variance" => new($"{module}.running_var"),
            _ => new($"{module}.{parameter.Name}"),
        };
    }

    // [rows,columns] -> [columns,rows]
    private static void Transpose(ReadOnlySpan<float> values, int rows, int columns, Span<float> result)
    {
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
                result[j * rows + i] = values[i * columns + j];
        }
    }

    // [O,I,R,S] -> [O,R,S,I]
    private static void FromOihw(ReadOnlySpan<float> values, Shape parameter, Span<float> result)
    {
        int outputs = parameter[0], pixels = parameter[1] * parameter[2], inputs = parameter[3];
        for (int o = 0; o < outputs; o++)
        {
            for (int p = 0; p < pixels; p++)
            {
                for (int i = 0; i < inputs; i++)
                    result[(o * pixels + p) * inputs + i] = values[(o * inputs + i) * pixels + p];
            }
        }
    }

    // [out,in] -> [in,out], and behind Flatten the rows (c,h,w) -> (h,w,c)
    private void FromTorchDense(ReadOnlySpan<float> values, Shape parameter, Span<float> result)
    {
        const int Block = 16; // outputs side by side: a cache line of the result, which is written once
        int inputs = parameter[0], outputs = parameter[1], channels = FlattenedImage?[2] ?? inputs, pixels = inputs / channels;
        for (int from = 0; from < outputs; from += Block)
        {
            int to = Math.Min(outputs, from + Block);
            for (int i = 0; i < inputs; i++)
            {
                int row = (i % pixels * channels + i / pixels) * outputs;
                for (int o = from; o < to; o++)
                    result[row + o] = values[o * inputs + i];
            }
        }
    }
}
