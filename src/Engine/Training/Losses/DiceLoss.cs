using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Training;

/// <summary>The computation of <see cref="Loss.Dice"/>: overlap of what is said and what is, for each class that a sample has.</summary>
internal static class DiceLoss
{
    /// <summary>Its name.</summary>
    public const string Name = "dice";

    /// <summary>What each sample costs, [N].</summary>
    /// <param name="tape">Where it is computed.</param>
    /// <param name="probabilities">[N,..,K].</param>
    /// <param name="labels">[N,..], class indices.</param>
    /// <param name="ignored">The label that is left out; null for none.</param>
    public static Tensor Run(Tape tape, Tensor probabilities, Tensor labels, int? ignored)
    {
        int samples = probabilities.Shape[0], classes = probabilities.Shape[-1], pixels = (int)(probabilities.Count / samples / classes);
        float[] classOf = labels.ToArray(), oneHot = new float[probabilities.Count], counted = new float[samples * pixels], areas = new float[samples * classes];
        for (int i = 0; i < classOf.Length; i++)
        {
            if (classOf[i] == ignored)
                continue;
            int c = (int)classOf[i];
            oneHot[i * classes + c] = counted[i] = 1;
            areas[i / pixels * classes + c]++;
        }
        Tensor p = tape.Run(new ReshapeOp(samples, pixels, classes), probabilities);
        Tensor Multiply(Tensor a, Tensor b) => tape.Run(new BinaryOp(BinaryFormula.Multiply), a, b);
        Tensor SumOver(Tensor x, int axis) => tape.Run(new ReduceOp(ReduceFormula.Sum, [axis]), x);
        Tensor both = SumOver(Multiply(p, tape.Constant(new Shape(samples, pixels, classes), oneHot)), 1); // [N,K]
        Tensor said = SumOver(ignored is null ? p : Multiply(p, tape.Constant(new Shape(samples, pixels, 1), counted)), 1);
        Tensor all = tape.Run(new BinaryOp(BinaryFormula.Add), said, tape.Constant(new Shape(samples, classes), Array.ConvertAll(areas, a => a > 0 ? a : 1))); // 1: nothing is divided by 0
        Tensor overlap = Multiply(tape.Run(new BinaryOp(BinaryFormula.Divide), both, all), tape.Constant(new Shape(samples, classes), Shares(areas, classes)));
        float[] most = [.. areas.Chunk(classes).Select(a => a.Sum() > 0 ? 1f : 0)];
        return tape.Run(new BinaryOp(BinaryFormula.Subtract), tape.Constant(new Shape(samples), most), SumOver(overlap, 1));
    }

    /// <summary>The factor of each class's overlap: 2, by the number of classes that the sample has; 0 of those that it has not.</summary>
    private static float[] Shares(float[] areas, int classes) => [.. areas.Chunk(classes).SelectMany(sample =>
    {
        int there = sample.Count(a => a > 0);
        return sample.Select(a => a > 0 ? 2f / there : 0);
    })];
}
