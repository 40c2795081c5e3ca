namespace Graft.Adapters;

/// <summary>How the two factors of new adapters begin; the first two leave the model as it is until it learns.</summary>
public enum LoraInitialization
{
    /// <summary>A uniform in ±1 / sqrt(in), B zero: PEFT's default.</summary>
    Kaiming,

    /// <summary>A normal with deviation 1 / rank, B zero: "gaussian".</summary>
    Gaussian,

    /// <summary>Both random, so that adapters change the model at once: "false", for trying things out.</summary>
    Random,
}

/// <summary>Which layers get adapters, of what rank: the settings of PEFT's LoraConfig, under its meaning.</summary>
/// <remarks>
/// Source: huggingface/peft, tuners/lora/config.py and tuners_utils.py (check_target_module_exists). A module is what Hugging Face's model calls a
/// layer: "transformer.h.0.attn.c_attn".
/// </remarks>
public sealed record LoraConfig
{
    /// <summary>The word in place of names that means every Dense layer but the model's output layer.</summary>
    public const string AllLinear = "all-linear";

    /// <summary>r: the inner extent of the two factors.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>lora_alpha: the adapter counts alpha / rank.</summary>
    public float Alpha { get; init; } = 8;

    /// <summary>lora_dropout: share of the adapter's input that is dropped in training.</summary>
    public float Dropout { get; init; }

    /// <summary>use_rslora: the adapter counts alpha / sqrt(rank) instead. Kalajdzievski 2023, arXiv:2312.03732.</summary>
    public bool UseRsLora { get; init; }

    /// <summary>Whole names of modules, or their ends behind a dot: "c_attn" is that of each block. Or <see cref="AllLinear"/> alone.</summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [];

    /// <summary>Instead of <see cref="TargetModules"/>: a regular expression for whole names, or <see cref="AllLinear"/>.</summary>
    public string? TargetPattern { get; init; }

    /// <summary>Names or ends of names that get no adapter although they are targets.</summary>
    public IReadOnlyList<string> ExcludeModules { get; init; } = [];

    /// <summary>The same as a regular expression for whole names.</summary>
    public string? ExcludePattern { get; init; }

    /// <summary>layers_to_transform: only the blocks of these numbers; empty for all. It goes with <see cref="TargetModules"/>.</summary>
    public IReadOnlyList<int> LayersToTransform { get; init; } = [];

    /// <summary>layers_pattern: what stands before the number of a block in a name, "h"; empty for anything.</summary>
    public IReadOnlyList<string> LayersPattern { get; init; } = [];

    /// <summary>Other ranks: names, their ends, or regular expressions for them, to the rank; the first that fits counts.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    /// <summary>Other alphas, likewise.</summary>
    public IReadOnlyDictionary<string, float> AlphaPattern { get; init; } = new Dictionary<string, float>();

    /// <summary>init_lora_weights: how new adapters begin.</summary>
    public LoraInitialization Initialization { get; init; }
}
