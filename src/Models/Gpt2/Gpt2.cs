using Graft.Kernels;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Models;

/// <summary>GPT-2: a language model that reads tokens and gives, at each place, the logits of the next.</summary>
/// <remarks>
/// Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; the numbers are those of Hugging Face's GPT2LMHeadModel.
/// Layers have its names ("h.0.attn.c_attn"), weights load from its files and openai-community's. Conv1D's weights [in,out] are our Dense's.
/// <code>
/// input_ids [N,T] -> wte + wpe -> n_layer blocks -> ln_f -> lm_head (wte read backwards) -> logits [N,T,vocabulary]
/// block: x + c_proj(attention(c_attn(ln_1(x)))), then x + c_proj(gelu(c_fc(ln_2(x))))
/// </code>
/// The graph has one length T. <see cref="WithLength"/> gives another graph on the same layers: weights are held once. To continue a text,
/// <see cref="Open"/> reads it token by token and keeps keys and values.
/// </remarks>
public sealed class Gpt2 : Model, ICausalModel
{
    /// <summary>What stands before the names of all but the head.</summary>
    internal const string Prefix = "transformer.";

    private const string Head = "lm_head";

    private readonly Gpt2Layers _layers;

    private Gpt2(Gpt2Layers layers, int length, (Node Input, Node Output) graph)
        : base(graph.Input, graph.Output, "gpt2")
    {
        (_layers, Length) = (layers, length);
    }

    /// <summary>The sizes.</summary>
    public Gpt2Config Config => _layers.Config;

    internal Gpt2Layers Body => _layers;

    /// <summary>Tokens of a sequence in this graph.</summary>
    public int Length { get; }

    /// <summary>
    /// How sessions store the weights of products: fewer bits are fewer bytes to read for each token, and cost some accuracy. The embeddings and what training
    /// moves stay as they are.
    /// </summary>
    public WeightPrecision Precision
    {
        get => _layers.Precision;
        set => _layers.Precision = value;
    }

    /// <summary>Bytes of the weights that a session reads for each token, stored in <see cref="Precision"/>: those of all products, the output layer among them.</summary>
    public long ProductBytes => _layers.ProductBytes;

    /// <inheritdoc/>
    public int VocabularySize => Config.VocabularySize;

    /// <inheritdoc/>
    public int MaxLength => Config.Positions;

    /// <summary>Builds a model with new weights.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="length">Tokens of a sequence; 0 for the most there can be.</param>
    /// <exception cref="GraftException">The sizes do not fit each other.</exception>
    public static Gpt2 Build(Gpt2Config config, int length = 0) => Of(new Gpt2Layers(config.Checked("Gpt2Config")), length == 0 ? config.Positions : length);

    /// <summary>Another graph on the same layers, for sequences of another length.</summary>
    /// <exception cref="ShapeException">The length is not 1 to <see cref="MaxLength"/>.</exception>
    public Gpt2 WithLength(int length) => length == Length ? this : Of(_layers, length);

    /// <summary>Freezes everything, then lets the last blocks and the final norm move: fine-tuning with a frozen base.</summary>
    /// <param name="trainableBlocks">How many blocks at the end, 0 to n_layer. The embeddings, and with them a tied output, stay frozen.</param>
    /// <exception cref="GraftException">There are not so many.</exception>
    public void Freeze(int trainableBlocks)
    {
        if (trainableBlocks < 0 || trainableBlocks > Config.Blocks)
            throw new GraftException($"Gpt2.Freeze: {trainableBlocks} trainable blocks; the model has {Config.Blocks}.");
        Trainable = false;
        _layers.Unfreeze(trainableBlocks);
    }

    /// <summary>Loads weights under Hugging Face's names, with and without "transformer."; causal masks and a second copy of tied weights are passed over.</summary>
    /// <exception cref="GraftException">The file does not fit; everything that is missing, unused or misshaped is listed.</exception>
    public WeightReport LoadWeights(WeightFile file)
    {
        string prefix = PrefixOf(file);
        return WeightLoader.Load(this, file, (layer, p) => WeightNameOf(prefix, layer, p), n => IsMask(n) || (Config.TieEmbeddings && n == $"{Head}.weight"));
    }

    /// <summary>Where Hugging Face keeps a parameter.</summary>
    /// <param name="layer">Name of the layer.</param>
    /// <param name="parameter">The parameter.</param>
    public static WeightName HuggingFaceName(string layer, Parameter parameter) => WeightNameOf(Prefix, layer, parameter);

    /// <inheritdoc/>
    /// <remarks>Products of more than eight rows, as in reading a prompt, are computed in the precision of <see cref="Model.PlanOptions"/> where weights are float32.</remarks>
    public CausalSession Open(int sequences, int capacity)
    {
        _layers.Products = PlanOptions.Precision;
        return new Gpt2Session(_layers, sequences, capacity);
    }

    /// <inheritdoc/>
    public override void MoveTo(Device device)
    {
        Device before = Device;
        base.MoveTo(device);
        if (device != before)
            _layers.DropPacked(); // where nothing moves, open sessions go on reading them
    }

    /// <inheritdoc/>
    public override void Release()
    {
        _layers.DropPacked();
        base.Release();
    }

    /// <summary>Shorter sequences too: all layers follow the length of their input.</summary>
    protected internal override bool Takes(int input, Shape sample) => sample.Rank == 1 && sample[0] > 0 && sample[0] <= Length;

    internal override string ModuleName(string layer) => layer == Head ? layer : Prefix + layer;

    internal override bool IsConv1D(string layer) => layer != Head;

    private static Gpt2 Of(Gpt2Layers layers, int length) => new(layers, length, layers.Graph(length));

    internal static WeightName WeightNameOf(string prefix, string layer, Parameter parameter)
    {
        WeightName name = WeightName.Torch(layer, parameter);
        return layer == Head ? name : name with { Name = prefix + name.Name, Layout = WeightLayout.Same }; // Conv1D is [in,out]
    }

    internal static string PrefixOf(WeightFile file) => file.Names.Any(n => n.StartsWith(Prefix, StringComparison.Ordinal)) ? Prefix : "";

    internal static bool IsMask(string name) => name.EndsWith(".attn.bias", StringComparison.Ordinal) || name.EndsWith(".attn.masked_bias", StringComparison.Ordinal);
}
