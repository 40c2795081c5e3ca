using Graft;
using Graft.Autograd;
using Graft.Layers;

namespace Outside.Clash;

/// <summary>Named as a class of the engine.</summary>
public sealed class Dense : Layer
{
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => inputs[0];
}
