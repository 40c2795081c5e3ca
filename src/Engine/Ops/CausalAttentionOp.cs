using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Self-attention in which a token sees itself and those before it: qkv [N,T,3C] to [N,T,C]. Source: <see cref="CausalAttentionKernels"/>.</summary>
/// <remarks>Keeps qkv, the output, and one number a head and token for backward; no T x T weights.</remarks>
public sealed class CausalAttentionOp : Op
{
    private readonly int _heads;
    private readonly float _scale, _dropoutRate;
    private readonly ulong _seed;

    /// <summary>Makes the op.</summary>
    /// <param name="heads">Attention heads; they divide the channels.</param>
    /// <param name="scale">What products of queries and keys are multiplied by; 0 for 1 / sqrt(C / heads).</param>
    /// <param name="dropoutRate">Share of the attention weights that becomes 0: from 0 to below 1.</param>
    /// <param name="seed">Key of the dropout's random stream.</param>
    /// <exception cref="GraftException">A number is outside its range.</exception>
    public CausalAttentionOp(int heads, float scale = 0, float dropoutRate = 0, ulong seed = 0)
    {
        if (heads < 1)
            throw new GraftException($"CausalAttention: {heads} heads; it takes one or more.");
        if (!(scale >= 0) || !float.IsFinite(scale))
            throw new GraftException($"CausalAttention: the scale is {scale}; it takes a positive number, or 0 for 1 / sqrt of a head's size.");
        if (!(dropoutRate >= 0 && dropoutRate < 1))
            throw new GraftException($"CausalAttention: the dropout rate is {dropoutRate}; it takes 0 or more and less than 1.");
        (_heads, _scale, _dropoutRate, _seed) = (heads, scale, dropoutRate, seed);
    }

    /// <inheritdoc/>
    public override string Name => "CausalAttention";

    /// <summary>Attention heads.</summary>
    public int Heads => _heads;

    /// <summary>What products of queries and keys are multiplied by; 0 for 1 / sqrt of a head's size.</summary>
    public float Scale => _scale;

    /// <inheritdoc/>
    public override bool IsPure => _dropoutRate == 0;

    /// <inheritdoc/>
    public override bool KeepsOutput => true;

    /// <inheritdoc/>
    public override bool SavesForBackwardOnly => true;

    /// <inheritdoc/>
    public override Shape[] SavedShapes(ReadOnlySpan<Shape> inputs) => [new Shape(inputs[0][0], _heads, inputs[0][1])];

    /// <inheritdoc/>
    public override long Flops(ReadOnlySpan<Shape> inputs) => Geometry(inputs[0]).Flops;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "qkv");
        ShapeCheck.Rank(Name, "qkv", inputs[0], 3, "[N,T,3C]");
        int c = inputs[0][2] / 3;
        if (inputs[0][2] != 3 * c || c % _heads != 0)
        {
            throw new ShapeException(
                $"{Name}: the last axis of qkv {inputs[0]} must hold queries, keys and values of {_heads} heads, so a multiple of {3 * _heads}; it has {inputs[0][2]}.");
        }
        return new Shape(inputs[0][0], inputs[0][1], c);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            Forward(call, call.Kernels.Narrow.CausalAttention);
        else
            Forward(call, call.Kernels.CausalAttention);
    }

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => kernels.TakesAttention(Geometry(inputs[0]));

    internal override void ForwardNarrow(NarrowCall call) => call.Kernels.CausalAttention.Forward(Geometry(call.Shape(0)), call.In(0), call.Output, DevicePtr<float>.Null);

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => HasNarrowForward(kernels, inputs);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.CausalAttention);
        else
            Backward(call, call.Kernels.CausalAttention);
    }

    private void Forward<T>(OpCall call, CausalAttentionKernels<T> kernels)
        where T : unmanaged => kernels.Forward(Geometry(call.In(0).Shape), call.In(0).As<T>(), call.Output.As<T>(), call.Recorded ? call.Saved(0) : DevicePtr<float>.Null);

    private void Backward<T>(OpCall call, CausalAttentionKernels<T> kernels)
        where T : unmanaged
    {
        var (dqkv, beta) = call.GradIn<T>(0);
        kernels.Backward(Geometry(call.In(0).Shape), call.In(0).As<T>(), call.Output.As<T>(), call.Saved(0), call.GradOutAs<T>(), dqkv, beta);
    }

    private CausalAttentionGeometry Geometry(Shape qkv)
    {
        int d = qkv[2] / 3 / _heads;
        return new(qkv[0], qkv[1], _heads, d, _scale > 0 ? _scale : 1 / MathF.Sqrt(d), _dropoutRate, _seed);
    }
}
