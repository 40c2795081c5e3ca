using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Normalises each sample in groups of channels: y = (x - mean) / sqrt(variance + epsilon) · gamma + beta.</summary>
/// <remarks>
/// x, y [N,..,C]; gamma, beta [C]; one mean and biased variance for each sample and group of C / groups neighbouring channels, over
/// all pixels. Wu and He 2018, arXiv:1803.08494. Matches Keras's GroupNormalization over the last axis.
/// </remarks>
/// <param name="groups">Number of groups; -1 makes each channel a group of its own: instance normalisation.</param>
public sealed class GroupNormalization(int groups = 32) : Layer
{
    private Parameter? _gamma, _beta;

    /// <summary>Added to the variance inside the root.</summary>
    public float Epsilon { get; init; } = 1e-3f;

    /// <summary>False leaves gamma out: 1.</summary>
    public bool Scale { get; init; } = true;

    /// <summary>False leaves beta out: 0.</summary>
    public bool Center { get; init; } = true;

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        if (inputs[0].Rank == 0)
            throw new ShapeException("takes at least a channel axis; the input has none.");
        int channels = inputs[0][-1];
        return groups == -1 || (groups > 0 && channels % groups == 0) ? inputs[0]
            : throw new ShapeException($"{channels} channels of {inputs[0]} cannot be split into {groups} groups; take a number of groups that divides them.");
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        var channels = new Shape(inputs[0][-1]);
        _gamma = Scale ? AddParameter("gamma", channels, Initializers.Ones) : null;
        _beta = Center ? AddParameter("beta", channels, Initializers.Zeros) : null;
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape x = inputs[0].Shape;
        int batch = x[0], channels = x[-1], count = groups == -1 ? channels : groups, width = channels / count;
        int pixels = checked((int)(x.Tail().Count / channels)), row = pixels * width;
        Tensor t = tape.Run(new ReshapeOp(batch, pixels, count, width), inputs[0]);
        t = Then(tape, t, new PermuteOp(0, 2, 1, 3)); // [N,P,G,C/G] -> [N,G,P,C/G]
        t = Then(tape, t, new ReshapeOp(batch * count, row));
        t = Then(tape, t, new LayerNormOp(Epsilon), Filled(tape, new Shape(row), 1), Filled(tape, new Shape(row), 0));
        t = Then(tape, t, new ReshapeOp(batch, count, pixels, width));
        t = Then(tape, t, new PermuteOp(0, 2, 1, 3));
        t = Then(tape, t, new ReshapeOp([.. x]));
        if (_gamma is not null)
            t = Then(tape, t, new BinaryOp(BinaryFormula.Multiply), Use(tape, _gamma));
        return _beta is null ? t : Then(tape, t, new BinaryOp(BinaryFormula.Add), Use(tape, _beta));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["groups"] = groups;
        config["epsilon"] = Epsilon;
        config["scale"] = Scale;
        config["center"] = Center;
    }

    internal static Layer Read(JsonNode config) => new GroupNormalization((int)config["groups"]!)
    {
        Epsilon = (float)config["epsilon"]!,
        Scale = (bool)config["scale"]!,
        Center = (bool)config["center"]!,
    };
}
