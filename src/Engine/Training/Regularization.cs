using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;

namespace Graft.Training;

/// <summary>Adds what a model's regularizers cost to the loss of a batch.</summary>
internal static class Regularization
{
    /// <summary>The loss plus the cost of every trainable parameter that has a regularizer and of activations, as Keras 3's compute_loss sums them.</summary>
    public static Tensor AddTo(Tape tape, Tensor loss, Model model)
    {
        tape.Layer = "regularizers";
        foreach (Parameter p in model.Parameters.Where(p => p.Regularizer is not null && p.IsTrainable).Distinct())
        {
            if (tape.Training)
                tape.Watch(p.Value); // also where the loss itself does not depend on it
            if (p.Regularizer!.Cost(tape, p.Value) is { } cost)
                loss = tape.Run(new BinaryOp(BinaryFormula.Add), loss, cost);
        }
        foreach (Tensor cost in tape.Penalties)
            loss = tape.Run(new BinaryOp(BinaryFormula.Add), loss, cost);
        return loss;
    }

    /// <summary>The cost alone, as a number: what every batch of an evaluation has in common.</summary>
    public static float CostOf(Model model)
    {
        using var tape = new Tape(model.Device);
        return AddTo(tape, tape.Constant(Shape.Scalar, [0f]), model).Item();
    }
}
