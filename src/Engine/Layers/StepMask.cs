using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What joins make of the masks of their inputs, as Keras 3 does.</summary>
internal static class StepMask
{
    /// <summary>A step counts where it counts in one of the inputs; all count where an input has no mask.</summary>
    public static Tensor? Any(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        Tensor? any = inputs[0].Mask;
        for (int i = 1; i < inputs.Length && any is not null; i++)
            any = inputs[i].Mask is { } mask ? mask == any ? any : tape.Run(new BinaryOp(BinaryFormula.Maximum), any, mask) : null;
        return any;
    }

    /// <summary>The masks one behind the other in time; ones where an input has none; null where none has.</summary>
    public static Tensor? InTime(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        bool has = false;
        foreach (MaskedTensor input in inputs)
            has |= input.Mask is not null;
        if (!has)
            return null;
        var masks = new Tensor[inputs.Length];
        for (int i = 0; i < masks.Length; i++)
            masks[i] = inputs[i].Mask ?? Ones(tape, inputs[i].Value.Shape);
        return tape.Run(new ConcatOp(1), masks);
    }

    private static Tensor Ones(Tape tape, Shape x)
    {
        var ones = new float[x[0] * x[1]];
        ones.AsSpan().Fill(1);
        return tape.Constant(new Shape(x[0], x[1]), ones);
    }
}
