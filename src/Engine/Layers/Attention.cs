using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What Attention and AdditiveAttention share: scores of queries and keys, a softmax of them, and the mean of the values that it weights.</summary>
/// <remarks>
/// Inputs: query [N,T,D], value [N,S,V], and key [N,S,D] where it is not the value; y [N,T,V], and with <see cref="ReturnAttentionScores"/> the weights [N,T,S]. A
/// mask of the values hides steps from all queries; masked queries give zeros, and y has the mask of the queries.
/// </remarks>
public abstract class AttentionLayer : Layer
{
    /// <summary>Share of the weights that is dropped in training, 0 to below 1.</summary>
    public float Dropout { get; init; }

    /// <summary>True: a query sees the values up to its own place. An argument of the call in Keras.</summary>
    public bool UseCausalMask { get; init; }

    /// <summary>True returns the weights too. An argument of the call in Keras.</summary>
    public bool ReturnAttentionScores { get; init; }

    /// <inheritdoc/>
    public override int InputCount => -1;

    private protected override bool Takes(int inputs) => inputs is 2 or 3;

    private protected override string InputNames => "query and value, or query, value and key";

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => OutputShapes(inputs)[0];

    internal override Shape[] OutputShapes(ReadOnlySpan<Shape> inputs)
    {
        Shape query = inputs[0], value = inputs[1], key = inputs[^1];
        if (query.Rank != 2 || value.Rank != 2 || key.Rank != 2 || query[1] != key[1] || key[0] != value[0])
            throw new ShapeException($"query {query}, value {value} and key {key} do not fit; they are [T,D], [S,V] and [S,D], and without a key the value is [S,D].");
        var output = new Shape(query[0], value[1]);
        return ReturnAttentionScores ? [output, new Shape(query[0], key[0])] : [output];
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Call(tape, MaskedTensor.Of(inputs))[0].Value;

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        (Tensor query, Tensor? queryMask) = inputs[0];
        (Tensor value, Tensor? valueMask) = inputs[1];
        Tensor scores = Scores(tape, query, inputs[^1].Value);
        if (AttentionMask.Scores(tape, null, [valueMask], UseCausalMask, query.Shape[1], value.Shape[1]) is { } unseen)
            scores = Then(tape, scores, new BinaryOp(BinaryFormula.Add), unseen);
        Tensor weights = Then(tape, scores, new SoftmaxOp());
        if (tape.Training && Dropout > 0)
            weights = Then(tape, weights, new DropoutOp(Dropout, NextSeed(tape)));
        Tensor y = tape.Run(new MatMulOp(), weights, value);
        if (!ReturnAttentionScores)
            tape.Release(weights);
        if (queryMask is not null)
            y = Then(tape, y, new BinaryOp(BinaryFormula.Multiply), Column(tape, queryMask));
        MaskedTensor output = new(y, queryMask);
        return ReturnAttentionScores ? [output, new MaskedTensor(weights)] : [output];
    }

    /// <summary>[N,T,S] of query [N,T,D] and key [N,S,D].</summary>
    private protected abstract Tensor Scores(Tape tape, Tensor query, Tensor key);

    /// <summary>tanh(scale (q + k)) for each pair, [N,T,S,D]; scale may be null.</summary>
    private protected static Tensor TanhOfSums(Tape tape, Tensor query, Tensor key, Tensor? scale)
    {
        Tensor q = tape.Run(new ReshapeOp(query.Shape[0], query.Shape[1], 1, query.Shape[2]), query);
        Tensor k = tape.Run(new ReshapeOp(key.Shape[0], 1, key.Shape[1], key.Shape[2]), key);
        Tensor sums = tape.Run(new BinaryOp(BinaryFormula.Add), q, k);
        if (scale is not null)
            sums = Then(tape, sums, new BinaryOp(BinaryFormula.Multiply), scale);
        return Then(tape, sums, new UnaryOp(UnaryFormula.Tanh));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["dropout"] = Dropout;
        config["use_causal_mask"] = UseCausalMask;
        config["return_attention_scores"] = ReturnAttentionScores;
    }

    private static Tensor Column(Tape tape, Tensor mask) => tape.Run(new ReshapeOp(mask.Shape[0], mask.Shape[1], 1), mask);
}

/// <summary>How <see cref="Attention"/> compares a query and a key.</summary>
public enum ScoreMode
{
    /// <summary>Their dot product.</summary>
    Dot,

    /// <summary>The sum of tanh of their sum, times a weight.</summary>
    Concat,
}

/// <summary>Attention by dot products: weights softmax(scale q · k). Matches Keras's Attention. Luong et al. 2015, arXiv:1508.04025.</summary>
/// <remarks>Parameters: scale [] with UseScale, concat_score_weight [] with ScoreMode.Concat, both 1 at first.</remarks>
public sealed class Attention : AttentionLayer
{
    private Parameter? _scale, _weight;

    /// <summary>True learns a factor of the scores.</summary>
    public bool UseScale { get; init; }

    /// <summary>How a query and a key are compared.</summary>
    public ScoreMode ScoreMode { get; init; }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _scale = UseScale ? AddParameter("scale", Shape.Scalar, Initializers.Ones) : null;
        _weight = ScoreMode == ScoreMode.Concat ? AddParameter("concat_score_weight", Shape.Scalar, Initializers.Ones) : null;
    }

    private protected override Tensor Scores(Tape tape, Tensor query, Tensor key)
    {
        Tensor? scale = _scale is null ? null : Use(tape, _scale);
        if (_weight is not null)
        {
            Tensor sums = Then(tape, TanhOfSums(tape, query, key, scale), new ReduceOp(ReduceFormula.Sum, [-1]));
            return Then(tape, sums, new BinaryOp(BinaryFormula.Multiply), Use(tape, _weight));
        }
        Tensor scores = tape.Run(new MatMulOp(transposeB: true), query, key);
        return scale is null ? scores : Then(tape, scores, new BinaryOp(BinaryFormula.Multiply), scale);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["use_scale"] = UseScale;
        config["score_mode"] = ScoreMode.ToString();
    }

    internal static Layer Read(JsonNode config) => new Attention
    {
        Dropout = (float)config["dropout"]!,
        UseCausalMask = (bool)config["use_causal_mask"]!,
        ReturnAttentionScores = (bool)config["return_attention_scores"]!,
        UseScale = (bool)config["use_scale"]!,
        ScoreMode = Enum.Parse<ScoreMode>((string)config["score_mode"]!),
    };
}

/// <summary>Attention by sums: scores are the sum of scale tanh(q + k). Matches Keras's AdditiveAttention. Bahdanau et al. 2015, arXiv:1409.0473.</summary>
/// <remarks>Parameter: scale [D] with UseScale, Glorot-uniform.</remarks>
public sealed class AdditiveAttention : AttentionLayer
{
    private Parameter? _scale;

    /// <summary>True learns a factor of each feature.</summary>
    public bool UseScale { get; init; } = true;

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs) =>
        _scale = UseScale ? AddParameter("scale", new Shape(inputs[0][1]), Initializers.GlorotUniformVector) : null;

    private protected override Tensor Scores(Tape tape, Tensor query, Tensor key)
    {
        Tensor sums = TanhOfSums(tape, query, key, null);
        if (_scale is not null)
            sums = Then(tape, sums, new BinaryOp(BinaryFormula.Multiply), Use(tape, _scale));
        return Then(tape, sums, new ReduceOp(ReduceFormula.Sum, [-1]));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["use_scale"] = UseScale;
    }

    internal static Layer Read(JsonNode config) => new AdditiveAttention
    {
        Dropout = (float)config["dropout"]!,
        UseCausalMask = (bool)config["use_causal_mask"]!,
        ReturnAttentionScores = (bool)config["return_attention_scores"]!,
        UseScale = (bool)config["use_scale"]!,
    };
}
