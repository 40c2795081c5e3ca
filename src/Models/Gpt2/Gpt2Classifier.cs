using Graft.Layers;
using Graft.Weights;

namespace Graft.Models;

/// <summary>GPT-2 with a head for classes of texts, on what it makes of a text's last token.</summary>
/// <remarks>
/// The numbers, layer names and files are those of transformers' GPT2ForSequenceClassification: a Dense without bias, "score", on the row of the last token that
/// is no padding (<see cref="LastToken"/>).
/// <code>input_ids [N,T] -> wte + wpe -> n_layer blocks -> ln_f -> [N,T,C] -> last token -> [N,C] -> score -> logits [N,K]</code>
/// Padding stands at the right. A token sees those before it alone, so that a text's logits depend neither on how much padding follows nor on the other texts of
/// a batch, and batches may have any length up to that of the graph. Train it with <c>Loss.SparseCategoricalCrossEntropy(fromLogits: true)</c>.
/// </remarks>
public sealed class Gpt2Classifier : Model
{
    /// <summary>Name of the head.</summary>
    internal const string Score = "score";

    private readonly Gpt2Layers _layers;

    private Gpt2Classifier(Gpt2Layers layers, Gpt2Config config, int length, (Node Input, Node Output) graph)
        : base(graph.Input, graph.Output, "gpt2_classifier")
    {
        (_layers, Config, Length) = (layers, config, length);
        ClassNames = config.ClassNames;
    }

    /// <summary>The sizes, the classes and the token that is padding.</summary>
    public Gpt2Config Config { get; }

    /// <summary>The most tokens of a text in this graph, padding included; batches of shorter rows are taken as they are.</summary>
    public int Length { get; }

    /// <summary>Puts a new head on a language model, whose layers are shared, not copied.</summary>
    /// <param name="body">The base.</param>
    /// <param name="classes">Names of the classes, two or more.</param>
    /// <param name="padToken">The id that fills texts at the right; null where all texts have the same length, as in transformers.</param>
    /// <exception cref="GraftException">There are not two classes, a name comes twice, or the id is not in the vocabulary.</exception>
    public static Gpt2Classifier On(Gpt2 body, IReadOnlyList<string> classes, int? padToken)
    {
        if (classes.Count < 2 || classes.Distinct().Count() != classes.Count)
            throw new GraftException($"Gpt2Classifier: the classes are {(classes.Count == 0 ? "none" : string.Join(", ", classes.Select(c => $"'{c}'")))}; two or more of different names are due.");
        if (padToken is int pad && (pad < 0 || pad >= body.VocabularySize))
            throw new GraftException($"Gpt2Classifier: padding with token {pad}, but the vocabulary has {body.VocabularySize}; name one of its ids (pad_token_id).");
        return Of(body.Body, body.Config with { ClassNames = [.. classes], PadToken = padToken }, body.Length);
    }

    /// <summary>Builds a classifier with new weights for the classes of a config.</summary>
    /// <param name="config">The sizes, and the classes.</param>
    /// <param name="length">Tokens of a text; 0 for <see cref="Gpt2Config.TextLength"/>, or the most there can be.</param>
    /// <exception cref="GraftException">The sizes do not fit each other, or there are not two classes.</exception>
    public static Gpt2Classifier Build(Gpt2Config config, int length = 0) =>
        On(Gpt2.Build(config, length == 0 ? config.TextLength ?? 0 : length), config.ClassNames, config.PadToken);

    /// <summary>Freezes everything but the head, the last blocks and, where there are any, the norm behind them.</summary>
    /// <param name="trainableBlocks">How many blocks at the end, 0 to n_layer. With 0 a text costs the base once: what it makes of the last token is kept.</param>
    /// <exception cref="GraftException">There are not so many.</exception>
    public void Freeze(int trainableBlocks)
    {
        if (trainableBlocks < 0 || trainableBlocks > Config.Blocks)
            throw new GraftException($"Gpt2Classifier.Freeze: {trainableBlocks} trainable blocks; the model has {Config.Blocks}.");
        Trainable = false;
        if (trainableBlocks > 0)
            _layers.Unfreeze(trainableBlocks);
        GetLayer(Score).Trainable = true;
    }

    /// <summary>Loads base and head under Hugging Face's names, with and without "transformer."; causal masks are passed over.</summary>
    /// <exception cref="GraftException">The file does not fit; everything that is missing, unused or misshaped is listed.</exception>
    public WeightReport LoadWeights(WeightFile file)
    {
        string prefix = Gpt2.PrefixOf(file);
        return WeightLoader.Load(this, file, (layer, p) => NameOf(prefix, layer, p), Gpt2.IsMask);
    }

    /// <summary>Where Hugging Face keeps a parameter.</summary>
    /// <param name="layer">Name of the layer.</param>
    /// <param name="parameter">The parameter.</param>
    public static WeightName HuggingFaceName(string layer, Parameter parameter) => NameOf(Gpt2.Prefix, layer, parameter);

    /// <summary>Shares of the classes from the logits of a text, as Predict gives them: the softmax.</summary>
    public static float[] Probabilities(ReadOnlySpan<float> logits)
    {
        float largest = float.NegativeInfinity;
        foreach (float x in logits)
            largest = Math.Max(largest, x);
        var shares = new float[logits.Length];
        for (int i = 0; i < shares.Length; i++)
            shares[i] = MathF.Exp(logits[i] - largest); // the largest becomes 1: no overflow, the same shares
        float sum = shares.Sum();
        return Array.ConvertAll(shares, s => s / sum);
    }

    /// <inheritdoc/>
    protected internal override bool Takes(int input, Shape sample) => sample.Rank == 1 && sample[0] > 0 && sample[0] <= Length;

    internal override string ModuleName(string layer) => layer == Score ? layer : Gpt2.Prefix + layer;

    internal override bool IsConv1D(string layer) => layer != Score;

    private static Gpt2Classifier Of(Gpt2Layers layers, Gpt2Config config, int length)
    {
        (Node input, Node hidden) = layers.Body(length);
        Node last = new LastToken(config.PadToken) { Name = "last_token" }.Apply(hidden, input);
        var score = new Dense(config.ClassNames.Count) { Name = Score, UseBias = false, KernelInitializer = Initializers.Normal(config.InitializerRange) };
        return new Gpt2Classifier(layers, config, length, (input, score.Apply(last)));
    }

    private static WeightName NameOf(string prefix, string layer, Parameter parameter) => layer == Score ? WeightName.Torch(layer, parameter) : Gpt2.WeightNameOf(prefix, layer, parameter);
}
