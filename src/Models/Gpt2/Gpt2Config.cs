using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Models;

/// <summary>Sizes of a GPT-2, as Hugging Face's config.json has them.</summary>
public sealed record Gpt2Config
{
    private const string Classifier = "GPT2ForSequenceClassification", TextTask = "text-classification";

    private static readonly JsonSerializerOptions Written = new() { WriteIndented = true };

    private static readonly Dictionary<string, Activation> Activations = new()
    {
        ["gelu_new"] = Activation.GeluTanh, ["gelu_fast"] = Activation.GeluTanh, ["gelu_pytorch_tanh"] = Activation.GeluTanh, ["gelu"] = Activation.Gelu,
        ["relu"] = Activation.ReLU, ["silu"] = Activation.SiLU, ["swish"] = Activation.SiLU, ["tanh"] = Activation.Tanh,
    };

    /// <summary>Number of tokens: vocab_size.</summary>
    public int VocabularySize { get; init; } = 50257;

    /// <summary>The longest sequence: n_positions.</summary>
    public int Positions { get; init; } = 1024;

    /// <summary>Channels: n_embd.</summary>
    public int Width { get; init; } = 768;

    /// <summary>Blocks: n_layer.</summary>
    public int Blocks { get; init; } = 12;

    /// <summary>Attention heads: n_head.</summary>
    public int Heads { get; init; } = 12;

    /// <summary>Channels between the two Dense layers of a block: n_inner; 0 for four times the width.</summary>
    public int InnerWidth { get; init; }

    /// <summary>Between them: activation_function.</summary>
    public Activation Activation { get; init; } = Activation.GeluTanh;

    /// <summary>Added to variances: layer_norm_epsilon.</summary>
    public float LayerNormEpsilon { get; init; } = 1e-5f;

    /// <summary>Dropout behind the embeddings in training: embd_pdrop.</summary>
    public float EmbeddingDropout { get; init; } = 0.1f;

    /// <summary>Dropout at the end of attention and of the two Dense layers: resid_pdrop.</summary>
    public float ResidualDropout { get; init; } = 0.1f;

    /// <summary>Dropout of the attention weights: attn_pdrop.</summary>
    public float AttentionDropout { get; init; } = 0.1f;

    /// <summary>False leaves out the division by the root of a head's size: scale_attn_weights.</summary>
    public bool ScaleAttention { get; init; } = true;

    /// <summary>True divides scores by the number of the block, from 1, too: scale_attn_by_inverse_layer_idx.</summary>
    public bool ScaleAttentionByBlock { get; init; }

    /// <summary>False gives the output layer weights of its own: tie_word_embeddings.</summary>
    public bool TieEmbeddings { get; init; } = true;

    /// <summary>Deviation of new weights: initializer_range.</summary>
    public float InitializerRange { get; init; } = 0.02f;

    /// <summary>The token that ends a text: eos_token_id; null for none.</summary>
    public int? EosToken { get; init; } = 50256;

    /// <summary>The token that fills sequences of a batch: pad_token_id; null for none.</summary>
    public int? PadToken { get; init; }

    /// <summary>Classes of a <see cref="Gpt2Classifier"/>, in the order of its outputs: id2label of a GPT2ForSequenceClassification; empty for a language model.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>Tokens that a <see cref="Gpt2Classifier"/> reads of a text: max_length of task_specific_params' text-classification; null for all that the model takes.</summary>
    public int? TextLength { get; init; }

    /// <summary>124 million parameters: gpt2.</summary>
    public static Gpt2Config Small { get; } = new();

    /// <summary>355 million: gpt2-medium.</summary>
    public static Gpt2Config Medium { get; } = new() { Width = 1024, Blocks = 24, Heads = 16 };

    /// <summary>774 million: gpt2-large.</summary>
    public static Gpt2Config Large { get; } = new() { Width = 1280, Blocks = 36, Heads = 20 };

    /// <summary>1558 million: gpt2-xl.</summary>
    public static Gpt2Config XL { get; } = new() { Width = 1600, Blocks = 48, Heads = 25 };

    /// <summary>Reads a config.json, or that of a folder.</summary>
    /// <exception cref="GraftException">It is missing, not JSON, of another model, or holds what this engine does not compute.</exception>
    public static Gpt2Config Open(string path)
    {
        if (Directory.Exists(path))
            path = Path.Combine(path, "config.json");
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; the config.json of a GPT-2 from Hugging Face is due here.");
        return FileErrors.Named(path, "is not the config.json of a GPT-2", () =>
        {
            JsonNode? json = JsonNode.Parse(File.ReadAllText(path));
            return Read(json as JsonObject ?? throw new GraftException($"{path}: holds {json?.GetValueKind().ToString() ?? "nothing"}, an object is due."), path);
        });
    }

    /// <summary>The config as Hugging Face writes it.</summary>
    public string ToJson()
    {
        JsonObject json = ToObject();
        if (PadToken is int pad)
            json["pad_token_id"] = pad;
        if (ClassNames.Count > 0)
        {
            json["id2label"] = new JsonObject(ClassNames.Select((c, i) => KeyValuePair.Create(i.ToString(CultureInfo.InvariantCulture), (JsonNode?)c)));
            json["label2id"] = new JsonObject(ClassNames.Select((c, i) => KeyValuePair.Create(c, (JsonNode?)i)));
        }
        if (TextLength is int length)
            json["task_specific_params"] = new JsonObject { [TextTask] = new JsonObject { ["max_length"] = length } };
        return json.ToJsonString(Written) + "\n";
    }

    private JsonObject ToObject() => new()
    {
        ["activation_function"] = Activations.First(a => a.Value == Activation).Key,
        ["architectures"] = new JsonArray(ClassNames.Count > 0 ? Classifier : "GPT2LMHeadModel"),
        ["attn_pdrop"] = AttentionDropout,
        ["bos_token_id"] = EosToken,
        ["embd_pdrop"] = EmbeddingDropout,
        ["eos_token_id"] = EosToken,
        ["initializer_range"] = InitializerRange,
        ["layer_norm_epsilon"] = LayerNormEpsilon,
        ["model_type"] = "gpt2",
        ["n_embd"] = Width,
        ["n_head"] = Heads,
        ["n_inner"] = InnerWidth == 0 ? null : InnerWidth,
        ["n_layer"] = Blocks,
        ["n_positions"] = Positions,
        ["resid_pdrop"] = ResidualDropout,
        ["scale_attn_by_inverse_layer_idx"] = ScaleAttentionByBlock,
        ["scale_attn_weights"] = ScaleAttention,
        ["tie_word_embeddings"] = TieEmbeddings,
        ["torch_dtype"] = "float32",
        ["vocab_size"] = VocabularySize,
    };

    /// <summary>Checks the sizes against each other.</summary>
    /// <exception cref="GraftException">They do not fit; the message starts with <paramref name="source"/>.</exception>
    internal Gpt2Config Checked(string source)
    {
        foreach ((string name, int value) in new[] { ("vocab_size", VocabularySize), ("n_positions", Positions), ("n_embd", Width), ("n_layer", Blocks), ("n_head", Heads) })
        {
            if (value < 1)
                throw new GraftException($"{source}: {name} is {value}; it takes 1 or more.");
        }
        if (Width % Heads != 0)
            throw new GraftException($"{source}: n_embd {Width} is not a multiple of n_head {Heads}.");
        if (InnerWidth < 0)
            throw new GraftException($"{source}: n_inner is {InnerWidth}; it takes 1 or more, or null for 4 n_embd.");
        return this;
    }

    private static Gpt2Config Read(JsonObject json, string path)
    {
        string kind = (string?)json["model_type"] ?? "gpt2";
        if (kind != "gpt2")
            throw new GraftException($"{path}: is the config of a model of type '{kind}'; 'gpt2' is due here.");
        if ((bool?)json["add_cross_attention"] == true)
            throw new GraftException($"{path}: add_cross_attention is true; this GPT-2 is a decoder alone.");
        string activation = (string?)json["activation_function"] ?? "gelu_new";
        if (!Activations.TryGetValue(activation, out Activation function))
            throw new GraftException($"{path}: activation_function '{activation}' is unknown; known are {string.Join(", ", Activations.Keys)}.");
        var standard = new Gpt2Config();
        return new Gpt2Config
        {
            VocabularySize = (int?)json["vocab_size"] ?? standard.VocabularySize,
            Positions = (int?)json["n_positions"] ?? (int?)json["n_ctx"] ?? standard.Positions,
            Width = (int?)json["n_embd"] ?? standard.Width,
            Blocks = (int?)json["n_layer"] ?? standard.Blocks,
            Heads = (int?)json["n_head"] ?? standard.Heads,
            InnerWidth = (int?)json["n_inner"] ?? 0,
            Activation = function,
            LayerNormEpsilon = (float?)json["layer_norm_epsilon"] ?? standard.LayerNormEpsilon,
            EmbeddingDropout = (float?)json["embd_pdrop"] ?? standard.EmbeddingDropout,
            ResidualDropout = (float?)json["resid_pdrop"] ?? standard.ResidualDropout,
            AttentionDropout = (float?)json["attn_pdrop"] ?? standard.AttentionDropout,
            ScaleAttention = (bool?)json["scale_attn_weights"] ?? true,
            ScaleAttentionByBlock = (bool?)json["scale_attn_by_inverse_layer_idx"] ?? false,
            TieEmbeddings = (bool?)json["tie_word_embeddings"] ?? true,
            InitializerRange = (float?)json["initializer_range"] ?? standard.InitializerRange,
            EosToken = (int?)json["eos_token_id"] ?? (json.ContainsKey("eos_token_id") ? null : standard.EosToken),
            PadToken = (int?)json["pad_token_id"],
            ClassNames = ReadClasses(json, path),
            TextLength = (int?)json["task_specific_params"]?[TextTask]?["max_length"],
        }.Checked(path);
    }

    // transformers names two classes in every config; they count where the model is a classifier.
    private static string[] ReadClasses(JsonObject json, string path)
    {
        if (json["architectures"] is not JsonArray kinds || !kinds.Any(k => (string?)k == Classifier))
            return [];
        if (json["id2label"] is not JsonObject labels)
            return [.. Enumerable.Range(0, (int?)json["num_labels"] ?? 2).Select(i => string.Create(CultureInfo.InvariantCulture, $"LABEL_{i}"))]; // the names that transformers gives
        var names = new string[labels.Count];
        foreach ((string id, JsonNode? name) in labels)
        {
            if (!int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out int i) || i >= names.Length || name is null)
                throw new GraftException($"{path}: id2label has '{id}'; it takes the numbers 0 to {names.Length - 1}, each with the name of a class.");
            names[i] = (string)name!;
        }
        return names;
    }
}
