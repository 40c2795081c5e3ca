using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Normalises each channel: y = (x - mean) / sqrt(variance + epsilon) · gamma + beta.</summary>
/// <remarks>
/// x, y [N,..,C]; gamma, beta, moving_mean, moving_variance [C]. A training step of a trainable layer uses the batch's
/// statistics and moves the moving ones: m ← m·momentum + batch·(1 - momentum); otherwise the moving ones are used, also in
/// training when the layer is frozen. Matches Keras 3 (biased variance). Ioffe and Szegedy 2015, arXiv:1502.03167.
/// </remarks>
public sealed class BatchNormalization : Layer
{
    private Parameter? _gamma, _beta, _mean, _variance;

    /// <summary>Added to the variance inside the root.</summary>
    public float Epsilon { get; init; } = 1e-3f;

    /// <summary>Share of the moving statistics that stays at each step, 0 to 1.</summary>
    public float Momentum
    {
        get;
        init => field = value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The momentum of a BatchNormalization is a share from 0 to 1.");
    } = 0.99f;

    /// <summary>True: the moving variance follows the batch's unbiased variance, as in PyTorch; Keras 3 takes the biased one.</summary>
    public bool UnbiasedMovingVariance { get; init; }

    /// <summary>False leaves gamma out: 1.</summary>
    public bool Scale { get; init; } = true;

    /// <summary>False leaves beta out: 0.</summary>
    public bool Center { get; init; } = true;

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        var channels = new Shape(inputs[0][-1]);
        _gamma = Scale ? AddParameter("gamma", channels, Initializers.Ones) : null;
        _beta = Center ? AddParameter("beta", channels, Initializers.Zeros) : null;
        _mean = AddParameter("moving_mean", channels, Initializers.Zeros, isStatistic: true);
        _variance = AddParameter("moving_variance", channels, Initializers.Ones, isStatistic: true);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Forward(tape, inputs[0], FusedActivation.None);

    /// <summary>Normalises, and in the same op does what the layers behind would: adds a residual, applies an activation.</summary>
    internal Tensor Forward(Tape tape, Tensor x, FusedActivation activation, params ReadOnlySpan<Tensor> residual)
    {
        Tensor gamma = _gamma is null ? Filled(tape, _mean!.Shape, 1) : Use(tape, _gamma);
        Tensor beta = _beta is null ? Filled(tape, _mean!.Shape, 0) : Use(tape, _beta);
        var op = new BatchNormOp(Epsilon, Momentum, training: tape.Training && Trainable, UnbiasedMovingVariance, activation);
        return tape.Run(op, [x, gamma, beta, _mean!.Value, _variance!.Value, .. residual]);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["epsilon"] = Epsilon;
        config["momentum"] = Momentum;
        config["unbiased_moving_variance"] = UnbiasedMovingVariance;
        config["scale"] = Scale;
        config["center"] = Center;
    }

    internal static Layer Read(JsonNode config) => new BatchNormalization
    {
        Epsilon = (float)config["epsilon"]!,
        Momentum = (float)config["momentum"]!,
        UnbiasedMovingVariance = (bool?)config["unbiased_moving_variance"] ?? false, // absent in older files
        Scale = (bool)config["scale"]!,
        Center = (bool)config["center"]!,
    };
}
