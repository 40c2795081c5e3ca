using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>A formula of each number as a layer, for those that are no <see cref="Activation"/>: |x|, log x, x to a power, bounds.</summary>
/// <param name="formula">The formula.</param>
/// <param name="alpha">Its first parameter, where it has one.</param>
/// <param name="beta">Its second parameter, where it has one.</param>
public sealed class Elementwise(UnaryFormula formula, float alpha = 0, float beta = 0) : Layer
{
    private readonly UnaryOp _op = new(formula, alpha, beta);

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(_op, inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["formula"] = formula.ToString();
        config["alpha"] = alpha;
        config["beta"] = beta;
    }

    internal static Layer Read(JsonNode config) => new Elementwise(Enum.Parse<UnaryFormula>((string)config["formula"]!), (float)config["alpha"]!, (float)config["beta"]!);
}
