using Graft.Autograd;
using Graft.Layers;

namespace Graft.Tests.Training;

/// <summary>Changes nothing and cancels when a training step comes through.</summary>
internal sealed class CancelInForward(CancellationTokenSource source) : Layer
{
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        if (tape.Training)
            source.Cancel();
        return inputs[0];
    }
}
