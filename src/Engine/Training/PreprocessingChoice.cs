namespace Graft.Training;

/// <summary>Sees to it that pixels are prepared as the weights want them: raw pixels give plausible but wrong results, and no error.</summary>
public static class PreprocessingChoice
{
    private const string Choices = "Preprocessing.Caffe (VGG16, SqueezeNet and Keras's ResNets), Preprocessing.Torch (torchvision and Hugging Face), Preprocessing.Tf (-1..1), Preprocessing.Rescale (0..1) or Preprocessing.None (0..255, for weights that were trained on raw pixels)";

    /// <summary>The preprocessing, if one was chosen.</summary>
    /// <param name="preprocessing">What was chosen, or null.</param>
    /// <param name="owner">Who needs it, to begin the error with: "Model 'vgg16'".</param>
    /// <exception cref="GraftException">Nothing was chosen; the message names the choices.</exception>
    public static Preprocessing Require(Preprocessing? preprocessing, string owner) => preprocessing
        ?? throw new GraftException($"{owner} has no preprocessing, and pixels mean nothing without one. Choose what the weights were trained with: {Choices}. Loading published weights sets it; a model of your own is told by model.Preprocessing = ....");

    /// <exception cref="GraftException">Images and model want different numbers for one pixel.</exception>
    internal static void Check(Model model, BatchSource data)
    {
        if (data.Preprocessing is { } images && model.Preprocessing is { } weights && !AreSame(images, weights))
            throw new GraftException($"Model '{model.Name}' takes pixels prepared as '{weights.Name}', but the images come as '{images.Name}'. Open the folder with the model's preprocessing, or set model.Preprocessing to the other one.");
    }

    // A mean image goes with the means that stand in for it, and may have been brought to another size.
    private static bool AreSame(Preprocessing a, Preprocessing b) => ReferenceEquals(a, b)
        || (a.ReverseChannels == b.ReverseChannels && a.Scale.Equals(b.Scale) && a.Mean.SequenceEqual(b.Mean) && a.Std.SequenceEqual(b.Std)
            && a.MeanImage is null == b.MeanImage is null);
}
