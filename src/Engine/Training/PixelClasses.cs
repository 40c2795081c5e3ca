using Graft.Layers;

namespace Graft.Training;

/// <summary>What a model says that gives each pixel a class (segmentation): from its outputs to the numbers of classes.</summary>
public static class PixelClasses
{
    private const int Most = 256; // numbers that a pixel of a mask can hold

    /// <summary>Whether a model's only output is [H,W,K] with one channel for each of its class names, or [H,W,1] with two names.</summary>
    public static bool AreGivenBy(Model model) => model.Outputs is [{ Shape: { Rank: 3 } shape }]
        && model.ClassNames.Count is > 1 and <= Most && (shape[2] == model.ClassNames.Count || (shape[2] == 1 && model.ClassNames.Count == 2));

    /// <summary>The class of each pixel, row-major: where the output is largest; of one channel, 1 where the probability is above 0.5, which a logit is above 0.</summary>
    /// <param name="model">The model.</param>
    /// <param name="output">What it gave for one sample.</param>
    /// <exception cref="GraftException">The model gives no classes of pixels, or these are not its outputs for one sample.</exception>
    public static byte[] Of(Model model, ReadOnlySpan<float> output)
    {
        if (!AreGivenBy(model))
            throw new GraftException($"Model '{model.Name}' gives {string.Join(" and ", model.Outputs.Select(o => o.Shape))} and has {model.ClassNames.Count} class names; classes of pixels are [H,W,K] with K names, or [H,W,1] with two. Set Model.ClassNames.");
        Shape shape = model.Outputs[0].Shape;
        if (output.Length != shape.Count)
            throw new ShapeException($"Model '{model.Name}' gives {shape}, {shape.Count} numbers for a sample; these are {output.Length}.");
        int channels = shape[2];
        float threshold = ModelHead.Of(model).Activation == Activation.Sigmoid ? 0.5f : 0;
        var classes = new byte[output.Length / channels];
        for (int p = 0; p < classes.Length; p++)
            classes[p] = (byte)(channels == 1 ? output[p] > threshold ? 1 : 0 : MetricBatch.ArgMax(output.Slice(p * channels, channels)));
        return classes;
    }
}
