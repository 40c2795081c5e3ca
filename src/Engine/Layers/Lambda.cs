using System.Text.Json.Nodes;
using Graft.Autograd;

namespace Graft.Layers;

/// <summary>A computation of one's own as a layer, written with ops: what stands in for Keras's Lambda.</summary>
/// <remarks>It has no parameters, and gradients pass through its ops. It is code, which a .graft file does not hold: a model with one cannot be saved. A class that derives from <see cref="Layer"/> has both.</remarks>
/// <param name="compute">The computation; inputs with the batch axis.</param>
/// <param name="shape">Shape of the output for those of the inputs, all without the batch axis; null for that of the first input.</param>
/// <param name="inputs">Number of inputs.</param>
public sealed class Lambda(Func<Tape, IReadOnlyList<Tensor>, Tensor> compute, Func<IReadOnlyList<Shape>, Shape>? shape = null, int inputs = 1) : Layer
{
    /// <summary>A computation on one input.</summary>
    /// <param name="compute">The computation; the input has the batch axis.</param>
    /// <param name="shape">Shape of the output for that of the input, both without the batch axis; null for the same.</param>
    public Lambda(Func<Tape, Tensor, Tensor> compute, Func<Shape, Shape>? shape = null)
        : this((tape, x) => compute(tape, x[0]), shape is null ? null : s => shape(s[0]))
    {
    }

    /// <inheritdoc/>
    public override int InputCount => inputs;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => shape?.Invoke(inputs.ToArray()) ?? inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => compute(tape, inputs.ToArray());

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) =>
        throw new GraftException($"Lambda '{Name}' is code, which a model file does not hold; put layers in its place before the model is saved, or a class of your own that derives from Layer.");
}
