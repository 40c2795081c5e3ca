using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Normalises each row over the last axis: y = (x - mean) / sqrt(variance + epsilon) · gamma + beta.</summary>
/// <remarks>x, y [N,..,C]; gamma, beta [C]. Ba et al. 2016, arXiv:1607.06450. Matches Keras's LayerNormalization.</remarks>
public sealed class LayerNormalization : Layer
{
    private Parameter? _gamma, _beta;

    /// <summary>Added to the variance inside the root.</summary>
    public float Epsilon { get; init; } = 1e-3f;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    private protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _gamma = AddParameter("gamma", new Shape(inputs[0][-1]), Initializers.Ones);
        _beta = AddParameter("beta", new Shape(inputs[0][-1]), Initializers.Zeros);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) =>
        tape.Run(new LayerNormOp(Epsilon), inputs[0], Use(tape, _gamma!), Use(tape, _beta!));

    internal override void WriteConfig(JsonObject config) => config["epsilon"] = Epsilon;

    internal static Layer Read(JsonNode config) => new LayerNormalization { Epsilon = (float)config["epsilon"]! };
}
