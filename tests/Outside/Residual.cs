using System.Text.Json.Nodes;
using Graft;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;

namespace Outside;

/// <summary>The block of docs/extending.md: layers inside, and a weight of its own beside theirs.</summary>
public sealed class Residual(int units, float rate) : Layer                   // y = x + gate * second(dropout(first(x)))
{
    private readonly Layer[] _inner = [new Dense(units, Activation.ReLU) { Name = "first" }, new Dropout(rate), new Dense(units) { Name = "second" }];
    private Parameter? _gate;

    protected override IReadOnlyList<Layer> Inner => _inner;                  // made in the constructor

    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        Shape shape = inputs[0];
        foreach (Layer layer in _inner)
            shape = BuildInner(layer, shape);
        _gate = AddParameter("gate", new Shape(units), Initializers.Ones, regularizer: Regularizer.L2(0.01f));
    }

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor y = inputs[0];
        foreach (Layer layer in _inner)
            y = CallInner(tape, layer, y);
        y = tape.Run(new BinaryOp(BinaryFormula.Multiply), y, Use(tape, _gate!));
        return tape.Run(new BinaryOp(BinaryFormula.Add), inputs[0], y);
    }

    protected override void WriteConfig(JsonObject config)
    {
        config["units"] = units;
        config["rate"] = rate;
    }
}
