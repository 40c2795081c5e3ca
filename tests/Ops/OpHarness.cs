using Graft.Autograd;
using Graft.Ops;
using Graft.Tests.OpCases;

namespace Graft.Tests.Ops;

/// <summary>What one run of an op gave.</summary>
/// <param name="OutputShape">Shape of the output.</param>
/// <param name="Output">The output.</param>
/// <param name="Gradients">The gradient of each input; null where it has none.</param>
/// <param name="InputsAfter">The inputs after the run: moving statistics change in place. Null for integers.</param>
internal sealed record OpResult(Shape OutputShape, float[] Output, float[]?[] Gradients, float[]?[] InputsAfter);

/// <summary>An input with its numbers: floats or integers.</summary>
internal sealed record OpValue(Shape Shape, float[]? Floats, int[]? Integers)
{
    public OpValue With(int index, float value)
    {
        float[] copy = (float[])Floats!.Clone();
        copy[index] = value;
        return this with { Floats = copy };
    }
}

/// <summary>Runs an op outside a model, with memory that was filled with NaN before.</summary>
internal static class OpHarness
{
    public static OpValue[] Values(OpCase test) => [.. test.Inputs.Select((input, i) => Value(input, 1000 + 17 * i))];

    public static float[] Random(long count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, (int)count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }

    /// <summary>Forward alone.</summary>
    public static float[] Forward(Device device, Op op, OpValue[] inputs)
    {
        using var tape = new Tape(device);
        Tensor[] tensors = [.. inputs.Select(v => Upload(tape, v))];
        return tape.Run(op, tensors).ToArray();
    }

    /// <summary>
    /// Forward and backward. Output, saved buffers and, where <paramref name="before"/> is null, gradients start as NaN; else the
    /// gradient of each input starts with the numbers that <paramref name="before"/> gives for its index and is added to.
    /// </summary>
    public static OpResult Run(Device device, Op op, OpValue[] inputs, float[] upstream, Func<int, float[]>? before = null)
    {
        int live = device.Pool.LiveBlocks;
        OpResult result;
        using (var tape = new Tape(device) { Training = true, Seed = 1 })
        {
            Tensor[] tensors = [.. inputs.Select(v => Upload(tape, v))];
            bool[] needs = [.. tensors.Select((t, i) => op.IsDifferentiable(i) && t.Type == DType.Float32)];
            for (int i = 0; i < tensors.Length; i++)
            {
                if (needs[i])
                    tape.Watch(tensors[i]);
            }
            Shape shape = op.InferShape([.. inputs.Select(v => v.Shape)]);
            Poison(device, [shape, .. inputs.Select(v => v.Shape), .. op.SavedShapes([.. inputs.Select(v => v.Shape)])]);
            Tensor output = tape.Run(op, tensors);
            float[] values = output.ToArray();
            for (int i = 0; before is not null && i < tensors.Length; i++)
            {
                if (needs[i])
                    tape.Gradients.Contribute(tensors[i]).Gradient.Set(before(i));
            }
            Poison(device, [shape, .. inputs.Select(v => v.Shape)]);
            tape.Backward(output, upstream);
            float[]?[] gradients = [.. tensors.Select((t, i) => needs[i] ? tape.Gradient(t)?.ToArray() : null)];
            result = new(output.Shape, values, gradients, [.. tensors.Select(t => t.Type == DType.Float32 ? t.ToArray() : null)]);
        }
        Assert.Equal(live, device.Pool.LiveBlocks);
        return result;
    }

    /// <summary>Largest difference over max(1, largest expected magnitude); NaN and infinity must agree.</summary>
    public static double Difference(IReadOnlyList<double> expected, float[] actual)
    {
        Assert.Equal(expected.Count, actual.Length);
        double largest = 1, difference = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            if (!double.IsFinite(expected[i]) || !float.IsFinite(actual[i]))
            {
                Assert.True(expected[i].Equals(actual[i]), $"Element {i} is {actual[i]}, expected {expected[i]}.");
                continue;
            }
            largest = Math.Max(largest, Math.Abs(expected[i]));
            difference = Math.Max(difference, Math.Abs(expected[i] - actual[i]));
        }
        return difference / largest;
    }

    public static double Difference(float[] expected, float[] actual) => Difference(Array.ConvertAll(expected, v => (double)v), actual);

    private static OpValue Value(OpInput input, int seed)
    {
        var random = new Random(seed);
        int count = (int)input.Shape.Count;
        if (input.Kind == OpInputKind.Integer)
            return new(input.Shape, null, [.. Enumerable.Range(0, count).Select(_ => random.Next((int)input.From, (int)input.To))]);
        if (input.Kind == OpInputKind.WholeFloat)
            return new(input.Shape, [.. Enumerable.Range(0, count).Select(_ => (float)random.Next((int)input.From, (int)input.To))], null);
        if (input.Kind == OpInputKind.Uniform)
            return new(input.Shape, [.. Enumerable.Range(0, count).Select(_ => (float)(input.From + random.NextDouble() * (input.To - input.From)))], null);
        float[] distinct = [.. Enumerable.Range(0, count).Select(i => (i - count / 2) * 0.125f)];
        random.Shuffle(distinct);
        return new(input.Shape, distinct, null);
    }

    private static Tensor Upload(Tape tape, OpValue value) =>
        value.Integers is null ? tape.Constant(value.Shape, value.Floats!) : tape.Constant(value.Shape, value.Integers);

    /// <summary>Leaves blocks full of NaN in the pool, which hands them out next: what is read before it is written shows.</summary>
    private static void Poison(Device device, Shape[] shapes)
    {
        Tensor[] blocks = [.. shapes.Concat(shapes).Select(s => Tensor.Allocate(device, s))];
        foreach (Tensor block in blocks)
        {
            device.Kernels.Memory.Fill(block.Data, block.Count, float.NaN);
            block.Release();
        }
    }
}
