using System.Text.RegularExpressions;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.HuggingFace;

/// <summary>What Hugging Face's files call the weights of GPT-2, and what they hold besides.</summary>
/// <remarks>
/// Names here are those of the official file, without prefix: "wte.weight", "h.0.attn.c_attn.weight", "ln_f.bias". The linear layers are
/// Conv1D (transformers/pytorch_utils.py): [in,out], as <see cref="Dense"/> has it, so that nothing is transposed. A head of its own, where
/// it is not tied to "wte.weight", is PyTorch's Linear: [out,in].
/// </remarks>
public static partial class Gpt2Names
{
    private const string Prefix = "transformer.", Head = "lm_head";

    /// <summary>Where a layer's parameter is: layers are "wte", "h.0.attn.c_attn", also with slashes or behind "transformer".</summary>
    public static WeightName Locate(string layer, Parameter parameter)
    {
        string module = WithoutPrefix(layer.Replace('/', '.'));
        WeightName name = WeightName.Torch(module, parameter);
        return module == Head ? name : name with { Layout = WeightLayout.Same };
    }

    /// <summary>A name of PyTorch's file without prefix; null for what is no weight: the causal mask and what it masks with, positions.</summary>
    /// <remarks>"h.0.attn.bias" is the mask, "h.0.attn.c_attn.bias" a bias.</remarks>
    internal static string? FromTorch(string name) => Buffer().IsMatch(name) ? null : WithoutPrefix(name);

    /// <summary>A name of TensorFlow's file: ".../transformer/h_._0/ln_1/gamma" is "h.0.ln_1.weight".</summary>
    internal static string FromTensorFlow(string name)
    {
        const string Model = "transformer/";
        int at = name.LastIndexOf(Model, StringComparison.Ordinal);
        string[] parts = (at < 0 ? name : name[(at + Model.Length)..]).Replace("h_._", "h.", StringComparison.Ordinal).Split('/');
        parts[^1] = parts[^1] switch { "gamma" or "embeddings" => "weight", "beta" => "bias", var other => other };
        return string.Join('.', parts);
    }

    private static string WithoutPrefix(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;

    [GeneratedRegex(@"(^|\.)(attn\.bias|attn\.masked_bias|crossattention\.bias|crossattention\.masked_bias|position_ids)$")]
    private static partial Regex Buffer();
}
