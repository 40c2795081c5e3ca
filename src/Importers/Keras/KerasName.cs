using System.Globalization;
using System.Text.RegularExpressions;

namespace Graft.Importers.Keras;

/// <summary>A name in a layer's weight_names, taken apart.</summary>
/// <param name="Path">The name as it stands: the array's path within the layer's group.</param>
/// <param name="Within">Names of the models around the layer, as far as the name has them; empty for the group's own layer.</param>
/// <param name="Layer">The layer it belongs to; inside a nested model not that of the group.</param>
/// <param name="Parameter">"kernel", "bias", "moving_mean", ...; the place in the list where the name says nothing.</param>
internal sealed partial record KerasName(string Path, string Within, string Layer, string Parameter)
{
    // Keras 1 called the moving variance "running_std", but stored the variance.
    private static readonly Dictionary<string, string> OldNames = new()
    {
        ["W"] = "kernel", ["b"] = "bias", ["gamma"] = "gamma", ["beta"] = "beta", ["running_mean"] = "moving_mean", ["running_std"] = "moving_variance",
        ["depthwise_W"] = "depthwise_kernel", ["pointwise_W"] = "pointwise_kernel", ["alphas"] = "alpha",
    };

    // Names that stand without a layer in front. Others of that form are what the initialiser was called ("uniform1", in files of Keras 1).
    private static readonly string[] Parameters =
        ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "depthwise_kernel", "pointwise_kernel", "alpha", "embeddings", "recurrent_kernel"];

    /// <summary>Takes a name apart: "conv/kernel:0", "model/conv/kernel", Keras 1's "conv_W_1:0" or "uniform1".</summary>
    /// <param name="path">The name.</param>
    /// <param name="group">Name of the group that lists it; it may hold slashes ("fire2/squeeze1x1").</param>
    /// <param name="place">Its place in the list.</param>
    public static KerasName Parse(string path, string group, int place)
    {
        string text = path.EndsWith(":0", StringComparison.Ordinal) ? path[..^2] : path;
        Match old = OldForm().Match(text);
        if (old.Success)
            return Of(path, old.Groups["layer"].Value, group, OldNames[old.Groups["parameter"].Value]);
        int slash = text.LastIndexOf('/');
        if (slash >= 0)
            return Of(path, text[..slash], group, text[(slash + 1)..]);
        return new KerasName(path, "", group, Parameters.Contains(text) ? text : place.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>True where TensorFlow made a layer's name unique: "dense_1" became "dense_1_1".</summary>
    public static bool IsVariant(string name, string layer) => name == layer
        || (name.Length > layer.Length + 1 && name.StartsWith(layer, StringComparison.Ordinal) && name[layer.Length] == '_' && name.AsSpan(layer.Length + 1).IndexOfAnyExceptInRange('0', '9') < 0);

    private static KerasName Of(string path, string owner, string group, string parameter)
    {
        if (owner == group || owner.EndsWith($"/{group}", StringComparison.Ordinal))
            return new KerasName(path, "", group, parameter);
        int slash = IsVariant(owner, group) ? -1 : owner.LastIndexOf('/');
        return new KerasName(path, slash < 0 ? "" : owner[..slash], owner[(slash + 1)..], parameter);
    }

    [GeneratedRegex(@"^(?<layer>.+)_(?<parameter>W|b|gamma|beta|running_mean|running_std|depthwise_W|pointwise_W|alphas)(_\d+)?$")]
    private static partial Regex OldForm();
}
