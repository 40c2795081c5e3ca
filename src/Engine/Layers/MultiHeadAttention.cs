using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What MultiHeadAttention and GroupedQueryAttention share: projections to heads, scaled dot products, and a projection back.</summary>
/// <remarks>
/// Inputs: query [N,T,D], value [N,S,..], and key [N,S,..] where it is not the value. y [N,T,D], and with <see cref="ReturnAttentionScores"/> the weights
/// [N,heads,T,S]. Parameters, as Keras names them: query/kernel [D,heads,K], key/kernel, value/kernel [..,heads,V], attention_output/kernel [heads,V,D], with biases.
/// Masks of queries, values and keys say what is seen; y has the mask of the queries. Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
/// </remarks>
public abstract class HeadAttention : Layer
{
    private Layer[] _projections = [];

    /// <summary>Share of the weights that is dropped in training, 0 to below 1.</summary>
    public float Dropout { get; init; }

    /// <summary>False leaves all biases out.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>True: a query sees the values up to its own place. An argument of the call in Keras.</summary>
    public bool UseCausalMask { get; init; }

    /// <summary>True returns the weights too. An argument of the call in Keras.</summary>
    public bool ReturnAttentionScores { get; init; }

    /// <inheritdoc/>
    public override int InputCount => -1;

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Layer> Inner => _projections;

    private protected abstract int QueryHeads { get; }

    private protected abstract int KeyHeads { get; }

    private protected abstract int KeySize { get; }

    private protected abstract int ValueSize { get; }

    private protected abstract int OutputSize(Shape query);

    private protected override bool Takes(int inputs) => inputs is 2 or 3;

    private protected override string InputNames => "query and value, or query, value and key";

    /// <inheritdoc/>
    protected override bool AcceptsOtherInput(Shape[] built, Shape[] inputs) => built.Length == inputs.Length && built.Zip(inputs).All(p => p.First[-1] == p.Second[-1]);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => OutputShapes(inputs)[0];

    internal override Shape[] OutputShapes(ReadOnlySpan<Shape> inputs)
    {
        Shape query = inputs[0], value = inputs[1], key = inputs[^1];
        if (query.Rank != 2 || value.Rank != 2 || key.Rank != 2 || key[0] != value[0])
            throw new ShapeException($"query {query}, value {value} and key {key} do not fit; they are [T,D], [S,..] and [S,..].");
        var output = new Shape(query[0], OutputSize(query));
        return ReturnAttentionScores ? [output, new Shape(QueryHeads, query[0], key[0])] : [output];
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        bool trainable = Trainable; // of all, as long as there are none inside
        HeadProjection To(string name, Shape x, int heads, int size) => new(new Shape(x[-1]), new Shape(heads, size), UseBias) { Name = name, Seed = SeedOfInner(Seed) };
        _projections =
        [
            To("query", inputs[0], QueryHeads, KeySize),
            To("key", inputs[^1], KeyHeads, KeySize),
            To("value", inputs[1], KeyHeads, ValueSize),
            new HeadProjection(new Shape(QueryHeads, ValueSize), new Shape(OutputSize(inputs[0])), UseBias) { Name = "attention_output", Seed = SeedOfInner(Seed) },
        ];
        Array.ForEach(_projections, p => p.Trainable = trainable);
        for (int i = 0; i < 3; i++)
            _projections[i].Build([i == 0 ? inputs[0] : i == 1 ? inputs[^1] : inputs[1]]);
        _projections[3].Build([new Shape(inputs[0][0], QueryHeads, ValueSize)]);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Call(tape, MaskedTensor.Of(inputs))[0].Value;

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        int n = inputs[0].Value.Shape[0], t = inputs[0].Value.Shape[1], s = inputs[1].Value.Shape[1], group = QueryHeads / KeyHeads;
        Tensor query = Then(tape, Projected(tape, 0, inputs[0]), new UnaryOp(UnaryFormula.Scale, 1 / MathF.Sqrt(KeySize)));
        query = Then(tape, query, new ReshapeOp(n, t, KeyHeads, group, KeySize));
        query = Then(tape, query, new PermuteOp(0, 2, 3, 1, 4)); // [N,key heads,group,T,K]
        Tensor key = Shared(tape, Projected(tape, 1, inputs[^1]), n, s, KeySize), value = Shared(tape, Projected(tape, 2, inputs[1]), n, s, ValueSize);
        Tensor scores = Then(tape, query, new MatMulOp(transposeB: true), key);
        tape.Release(key);
        if (Unseen(tape, inputs, t, s) is { } unseen)
            scores = Then(tape, scores, new BinaryOp(BinaryFormula.Add), unseen);
        Tensor weights = Then(tape, scores, new SoftmaxOp());
        Tensor dropped = tape.Training && Dropout > 0 ? tape.Run(new DropoutOp(Dropout, NextSeed(tape)), weights) : weights;
        Tensor y = tape.Run(new MatMulOp(), dropped, value); // [N,key heads,group,T,V]
        tape.Release(value);
        y = Then(tape, y, new PermuteOp(0, 3, 1, 2, 4));
        y = Then(tape, y, new ReshapeOp(n, t, QueryHeads, ValueSize));
        MaskedTensor output = new(CallInner(tape, _projections[3], new MaskedTensor(y))[0].Value, inputs[0].Mask);
        tape.Release(y);
        if (ReturnAttentionScores)
            return [output, new MaskedTensor(tape.Run(new ReshapeOp(n, QueryHeads, t, s), weights))];
        tape.Release(weights);
        return [output];
    }

    private Tensor Projected(Tape tape, int projection, MaskedTensor x) => CallInner(tape, _projections[projection], x)[0].Value;

    /// <summary>[N,S,heads,size] as [N,heads,1,S,size]: one for all queries of a group.</summary>
    private Tensor Shared(Tape tape, Tensor x, int n, int s, int size) =>
        Then(tape, Then(tape, x, new PermuteOp(0, 2, 1, 3)), new ReshapeOp(n, KeyHeads, 1, s, size));

    private Tensor? Unseen(Tape tape, ReadOnlySpan<MaskedTensor> inputs, int t, int s)
    {
        Tensor? mask = AttentionMask.Scores(tape, inputs[0].Mask, [inputs[1].Mask, inputs.Length > 2 ? inputs[2].Mask : null], UseCausalMask, t, s);
        return mask is null ? null : tape.Run(new ReshapeOp(mask.Shape[0], 1, 1, mask.Shape[1], mask.Shape[2]), mask);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["dropout"] = Dropout;
        config["use_bias"] = UseBias;
        config["use_causal_mask"] = UseCausalMask;
        config["return_attention_scores"] = ReturnAttentionScores;
    }

    private protected HeadAttention()
    {
    }

    private protected HeadAttention(JsonNode config)
    {
        Dropout = (float)config["dropout"]!;
        UseBias = (bool)config["use_bias"]!;
        UseCausalMask = (bool)config["use_causal_mask"]!;
        ReturnAttentionScores = (bool)config["return_attention_scores"]!;
    }
}

/// <summary>Attention with several heads side by side. Matches Keras's MultiHeadAttention with its default axes. Shapes and parameters: <see cref="HeadAttention"/>.</summary>
public sealed class MultiHeadAttention : HeadAttention
{
    /// <summary>Attention with so many heads.</summary>
    /// <param name="heads">Heads.</param>
    /// <param name="keySize">K, the features of a head's queries and keys: key_dim.</param>
    /// <exception cref="GraftException">One of them is below 1.</exception>
    public MultiHeadAttention(int heads, int keySize)
    {
        if (heads < 1 || keySize < 1)
            throw new GraftException($"MultiHeadAttention: {heads} heads of {keySize}; both are one or more.");
        (Heads, KeyDim) = (heads, keySize);
    }

    internal MultiHeadAttention(JsonNode config)
        : base(config)
    {
        Heads = (int)config["num_heads"]!;
        KeyDim = (int)config["key_dim"]!;
        ValueDim = (int)config["value_dim"]!;
        OutputDim = (int?)config["output_shape"];
    }

    /// <summary>Heads: num_heads.</summary>
    public int Heads { get; }

    /// <summary>Features of a head's queries and keys.</summary>
    public int KeyDim { get; }

    /// <summary>Features of a head's values; 0 for those of the keys.</summary>
    public int ValueDim { get; init; }

    /// <summary>Features of the output; null for those of the query: output_shape.</summary>
    public int? OutputDim { get; init; }

    private protected override int QueryHeads => Heads;

    private protected override int KeyHeads => Heads;

    private protected override int KeySize => KeyDim;

    private protected override int ValueSize => ValueDim == 0 ? KeyDim : ValueDim;

    private protected override int OutputSize(Shape query) => OutputDim ?? query[1];

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["num_heads"] = Heads;
        config["key_dim"] = KeyDim;
        config["value_dim"] = ValueDim;
        config["output_shape"] = OutputDim;
    }
}

/// <summary>Attention in which groups of query heads share a head of keys and values. Matches Keras's GroupedQueryAttention. Ainslie et al. 2023, arXiv:2305.13245.</summary>
public sealed class GroupedQueryAttention : HeadAttention
{
    /// <summary>Attention with so many heads.</summary>
    /// <param name="headSize">Features of a head: head_dim.</param>
    /// <param name="queryHeads">Heads of queries: num_query_heads.</param>
    /// <param name="keyValueHeads">Heads of keys and values, which divide those: num_key_value_heads.</param>
    /// <exception cref="GraftException">One of them is below 1, or the heads of keys and values do not divide those of queries.</exception>
    public GroupedQueryAttention(int headSize, int queryHeads, int keyValueHeads)
    {
        if (headSize < 1 || queryHeads < 1 || keyValueHeads < 1)
            throw new GraftException($"GroupedQueryAttention: {queryHeads} query heads of {headSize} and {keyValueHeads} key and value heads; each is one or more.");
        if (queryHeads % keyValueHeads != 0)
            throw new GraftException($"GroupedQueryAttention: {queryHeads} query heads of {headSize} cannot share {keyValueHeads} key and value heads; these divide the query heads.");
        (HeadDim, NumQueryHeads, NumKeyValueHeads) = (headSize, queryHeads, keyValueHeads);
    }

    internal GroupedQueryAttention(JsonNode config)
        : base(config)
    {
        HeadDim = (int)config["head_dim"]!;
        NumQueryHeads = (int)config["num_query_heads"]!;
        NumKeyValueHeads = (int)config["num_key_value_heads"]!;
    }

    /// <summary>Features of a head.</summary>
    public int HeadDim { get; }

    /// <summary>Heads of queries.</summary>
    public int NumQueryHeads { get; }

    /// <summary>Heads of keys and values.</summary>
    public int NumKeyValueHeads { get; }

    private protected override int QueryHeads => NumQueryHeads;

    private protected override int KeyHeads => NumKeyValueHeads;

    private protected override int KeySize => HeadDim;

    private protected override int ValueSize => HeadDim;

    private protected override int OutputSize(Shape query) => query[1];

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["head_dim"] = HeadDim;
        config["num_query_heads"] = NumQueryHeads;
        config["num_key_value_heads"] = NumKeyValueHeads;
    }
}
