using System.Globalization;

namespace Graft.Autograd;

/// <summary>Holds gradients against finite differences: for ops of your own, PyTorch's gradcheck.</summary>
public static class GradientCheck
{
    private const double Step = 2e-2;

    /// <summary>
    /// Computes the gradient of sum(u y), with u drawn at random, by backward and by the five-point rule, number by number of each input. The rule's error falls with the fourth power
    /// of its step, 0.02; keep inputs near 1 and away from kinks (a ReLU's 0).
    /// </summary>
    /// <param name="device">Where; <see cref="Device.Cpu"/>, or a GPU.</param>
    /// <param name="compute">The function y: ops on the tape, the same for the same inputs.</param>
    /// <param name="inputs">Its inputs: shapes and numbers.</param>
    /// <param name="tolerance">Largest difference, as a share of max(1, largest gradient of the input). float32 leaves about 1e-4 of such a difference.</param>
    /// <exception cref="GraftException">A gradient is not what the differences say, or is missing; the message names input and number.</exception>
    public static void Run(Device device, Func<Tape, IReadOnlyList<Tensor>, Tensor> compute, IReadOnlyList<(Shape Shape, float[] Values)> inputs, double tolerance = 2e-3)
    {
        float[] upstream;
        float[]?[] gradients;
        using (var tape = new Tape(device) { Training = true })
        {
            Tensor[] tensors = [.. inputs.Select(i => tape.Constant(i.Shape, i.Values))];
            Array.ForEach(tensors, tape.Watch);
            Tensor y = compute(tape, tensors);
            var random = new Random(7);
            upstream = [.. Enumerable.Range(0, checked((int)y.Count)).Select(_ => (float)(random.NextDouble() * 2 - 1))];
            tape.Backward(y, upstream);
            gradients = [.. tensors.Select(t => tape.Gradient(t)?.ToArray())];
        }
        for (int i = 0; i < gradients.Length; i++)
        {
            if (gradients[i] is not { } gradient)
                throw new GraftException($"GradientCheck: no gradient reached input {i} {inputs[i].Shape}; backward calls AddGradIn or GradIn for each input that Needs one.");
            double largest = Math.Max(1, gradient.Max(Math.Abs));
            for (int e = 0; e < gradient.Length; e++)
            {
                double due = Slope(device, compute, inputs, (i, e), upstream);
                if (!(Math.Abs(due - gradient[e]) <= tolerance * largest))
                    throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"GradientCheck: the gradient of number {e} of input {i} {inputs[i].Shape} is {gradient[e]}, finite differences give {due:G6}."));
            }
        }
    }

    private static double Slope(Device device, Func<Tape, IReadOnlyList<Tensor>, Tensor> compute, IReadOnlyList<(Shape Shape, float[] Values)> inputs, (int Input, int Number) at, float[] upstream)
    {
        double At(double steps)
        {
            using var tape = new Tape(device) { Training = true };
            Tensor[] tensors = [.. inputs.Select(i => tape.Constant(i.Shape, i.Values))];
            float[] moved = [.. inputs[at.Input].Values];
            moved[at.Number] += (float)(steps * Step);
            tensors[at.Input] = tape.Constant(inputs[at.Input].Shape, moved);
            float[] y = compute(tape, tensors).ToArray();
            double sum = 0;
            for (int i = 0; i < y.Length; i++)
                sum += (double)y[i] * upstream[i];
            return sum;
        }
        return (8 * (At(1) - At(-1)) - (At(2) - At(-2))) / (12 * Step);
    }
}
