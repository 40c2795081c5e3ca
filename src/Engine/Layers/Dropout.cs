using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>In training, sets a random share of the numbers to 0 and scales the rest by 1 / (1 - rate); else does nothing.</summary>
/// <remarks>Srivastava et al. 2014, in the inverted form of Keras. The mask depends on the tape's seed and the layer's name alone.</remarks>
/// <param name="rate">Share that is dropped, 0 to below 1.</param>
public sealed class Dropout(float rate) : Layer
{
    /// <summary>Share that is dropped.</summary>
    public float Rate { get; } = rate is >= 0 and < 1 ? rate
        : throw new ArgumentOutOfRangeException(nameof(rate), rate, "Dropout rate is a share from 0 to below 1.");

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        if (!tape.Training || Rate == 0)
            return tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]); // a view: each node owns its result
        return tape.Run(new DropoutOp(Rate, DropoutSeed(tape)), inputs[0]);
    }

    internal override void WriteConfig(JsonObject config) => config["rate"] = Rate;

    internal static Layer Read(JsonNode config) => new Dropout((float)config["rate"]!);
}
