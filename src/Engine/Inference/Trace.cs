using Graft.Autograd;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>An op that a forward pass would run: what it reads, what it makes, which layer asked for it.</summary>
/// <param name="Op">The op.</param>
/// <param name="Inputs">Results of earlier ops, inputs of the model, parameters, or constants.</param>
/// <param name="Output">Stands for the result; it has a shape and no memory.</param>
/// <param name="Layer">Path of the layer.</param>
/// <param name="IsWanted">True where a trainable parameter is behind it: in training, a gradient passes through it.</param>
internal sealed record TracedOp(Op Op, Tensor[] Inputs, Tensor Output, string Layer, bool IsWanted)
{
    /// <summary>True for a parameter or constant under another shape, whose numbers are there already.</summary>
    public bool IsConstant => Output.Memory is not null;
}

/// <summary>
/// A forward pass as a list of ops: the layers run as always, on a tape that notes their ops down instead of running them. Whatever layer
/// there is, a plan needs to know its ops alone.
/// </summary>
internal sealed class Trace : IDisposable
{
    private readonly List<TracedOp> _ops = [];
    private readonly Tape _tape;

    /// <summary>Traces a model on inputs of the given shapes, batch axis included.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">A shape an input.</param>
    /// <param name="training">True for a training step: Dropout drops, and normalisation that is not frozen uses the batch.</param>
    public Trace(Model model, Shape[] inputs, bool training)
    {
        IsTraining = training;
        _tape = new Tape(model.Device) { Training = training, Trace = this };
        Inputs = Array.ConvertAll(inputs, s => Tensor.Symbolic(model.Device, s));
        Outputs = model.Run(_tape, Inputs);
    }

    /// <summary>True for the ops of a training step, false for those of inference.</summary>
    public bool IsTraining { get; }

    /// <summary>The model's inputs, without memory.</summary>
    public Tensor[] Inputs { get; }

    /// <summary>What the model returns.</summary>
    public Tensor[] Outputs { get; }

    /// <summary>The ops in the order in which the layers ask for them: op i is the tape's op number i.</summary>
    public IReadOnlyList<TracedOp> Ops => _ops;

    public void Add(TracedOp op) => _ops.Add(op);

    /// <summary>Gives the constants back that layers made while they were traced.</summary>
    public void Dispose() => _tape.Dispose();
}
