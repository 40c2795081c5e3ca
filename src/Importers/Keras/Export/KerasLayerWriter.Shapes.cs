using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <content>Inputs, normalisations, and what prepares or changes images.</content>
internal sealed partial class KerasLayerWriter
{
    // Keras 3 has these of TensorFlow's interpolations.
    private static readonly string[] s_interpolations = ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"];

    private static void Input(KerasAttributes a)
    {
        JsonNode name = a.Json["name"]!.DeepClone();
        a.Json.Clear();
        a.Set(a.Dialect.IsThree ? "batch_shape" : "batch_input_shape", KerasNumbers.Batched(((InputLayer)a.Layer).SampleShape)).Set("dtype", "float32").Set("sparse", false)
            .InThree("ragged", false).Set("name", name);
    }

    /// <summary>Scale and centre of a normalisation, and how they and its statistics begin.</summary>
    private static KerasAttributes Statistics(KerasAttributes a)
    {
        a.Number("epsilon").Copy("center", "scale").Initializer("beta_initializer", "Zeros").Initializer("gamma_initializer", "Ones");
        if (a.Layer is BatchNormalization)
            a.Initializer("moving_mean_initializer", "Zeros").Initializer("moving_variance_initializer", "Ones");
        return a.None("beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint");
    }

    private static void Embedding(KerasAttributes a) => a.Set("input_dim", a.Whole("vocabulary")).Set("output_dim", a.Whole("size")).Initializer("embeddings_initializer", "RandomUniform")
        .None("embeddings_regularizer", "activity_regularizer", "embeddings_constraint").Copy("mask_zero").InTwo("input_length", null);

    private static void ActivityCost(KerasAttributes a)
    {
        Regularizer cost = Graft.Layers.Regularizer.Read(Configured(a.Layer)["cost"])!;
        a.Set("l1", KerasNumbers.Of(cost.FactorL1)).Set("l2", KerasNumbers.Of(cost.FactorL2));
    }

    private static JsonObject Configured(Layer layer)
    {
        var config = new JsonObject();
        layer.WriteConfig(config);
        return config;
    }

    private static KerasAttributes SpatialDropout(KerasAttributes a)
    {
        if (a.Dialect.IsThree)
            a.Json.Remove("trainable"); // Keras 3 does not take it here
        return a.Number("rate").None("seed").InTwo("noise_shape", null);
    }

    private static JsonArray? NoiseShape(KerasAttributes a) => a.Has("noise_shape") ? new([.. a.Wholes("noise_shape").Select(d => d == 0 ? null : (JsonNode)d)]) : null;

    private static JsonArray? Axes(KerasAttributes a) => a.Wholes("axes") is { Length: > 0 } axes ? KerasNumbers.Whole(axes) : null;

    private static JsonNode OneOrMany(float[] numbers) => numbers is [var one] ? KerasNumbers.Of(one) : KerasNumbers.Of(numbers);

    private static KerasAttributes Size(KerasAttributes a) => a.Set("height", a.Wholes("size")[0]).Set("width", a.Wholes("size")[1]);

    private static string FlipMode(KerasAttributes a) => (a.Flag("horizontal"), a.Flag("vertical")) switch
    {
        (true, true) => "horizontal_and_vertical",
        (true, false) => "horizontal",
        (false, true) => "vertical",
        _ => throw a.Refuse("neither of the two axes to flip", "for which Keras has no word", "Leave the layer out"),
    };

    private static void Warp(KerasAttributes a) =>
        a.Set("fill_mode", Lower(a.Text("fill_mode"))).Set("interpolation", Lower(a.Text("interpolation"))).None("seed").Number("fill_value").InThree("data_format", "channels_last");

    private static void RandomContrast(KerasAttributes a)
    {
        a.Numbers("factor").None("seed");
        if (!a.Dialect.IsThree && a.Floats("value_range") is not [0, 255])
            throw a.Refuse($"value_range {KerasNumbers.Of(a.Floats("value_range")).ToJsonString()}", "which Keras 2 has not", "Export as keras, or bring pixels into 0 to 255");
        if (a.Dialect.IsThree)
            a.Numbers("value_range");
    }

    private static void Resize(KerasAttributes a)
    {
        string interpolation = Lower(a.Text("interpolation"));
        if (a.Dialect.IsThree && !s_interpolations.Contains(interpolation))
            throw a.Refuse($"interpolation {interpolation}", "which Keras 3 has not", "Export as keras-h5, or take bilinear");
        if (!a.Dialect.IsThree && a.Flag("pad_to_aspect_ratio"))
            throw a.Refuse("pad_to_aspect_ratio", "which Keras 2 has not", "Export as keras");
        Size(a).Set("interpolation", interpolation).Copy("crop_to_aspect_ratio");
        if (a.Dialect.IsThree)
            a.Copy("pad_to_aspect_ratio").Set("fill_mode", "constant").Number("fill_value").Set("antialias", false).Set("data_format", "channels_last");
    }
}
