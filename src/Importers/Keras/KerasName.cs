using System.Text.RegularExpressions;

namespace Graft.Importers.Keras;

/// <summary>A name in a layer's weight_names, taken apart.</summary>
/// <param name="Path">The name as it stands: the array's path within the layer's group.</param>
/// <param name="Layer">The layer it belongs to; inside a nested model not that of the group.</param>
/// <param name="Parameter">"kernel", "bias", "moving_mean", ...</param>
internal sealed partial record KerasName(string Path, string Layer, string Parameter)
{
    // Keras 1 called the moving variance "running_std", but stored the variance.
    private static readonly Dictionary<string, string> OldNames = new()
    {
        ["W"] = "kernel", ["b"] = "bias", ["gamma"] = "gamma", ["beta"] = "beta", ["running_mean"] = "moving_mean", ["running_std"] = "moving_variance",
        ["depthwise_W"] = "depthwise_kernel", ["pointwise_W"] = "pointwise_kernel", ["alphas"] = "alpha",
    };

    /// <summary>Takes a name apart: "conv/kernel:0", "model/conv/kernel", or Keras 1's "conv_W_1:0".</summary>
    /// <param name="path">The name.</param>
    /// <param name="group">Name of the group that lists it.</param>
    public static KerasName Parse(string path, string group)
    {
        string[] parts = (path.EndsWith(":0", StringComparison.Ordinal) ? path[..^2] : path).Split('/');
        if (parts.Length > 1 && !OldForm().IsMatch(parts[^1]))
            return new KerasName(path, parts[^2], parts[^1]);
        Match old = OldForm().Match(parts[^1]);
        return old.Success ? new KerasName(path, old.Groups["layer"].Value, OldNames[old.Groups["parameter"].Value]) : new KerasName(path, group, parts[^1]);
    }

    [GeneratedRegex(@"^(?<layer>.+)_(?<parameter>W|b|gamma|beta|running_mean|running_std|depthwise_W|pointwise_W|alphas)(_\d+)?$")]
    private static partial Regex OldForm();
}
