using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// Random numbers in the shape of x, or one a sample [N,1,..]; x gives its shape alone. They are drawn on the host, four of a
/// <see cref="Philox"/> block, and depend on seed and index only: the same on every device.
/// </summary>
public sealed class RandomOp : Op
{
    private readonly bool _normal, _perSample;
    private readonly float _a, _b;
    private readonly ulong _seed;

    private RandomOp(bool normal, bool perSample, float a, float b, ulong seed) => (_normal, _perSample, _a, _b, _seed) = (normal, perSample, a, b, seed);

    /// <summary>Normal numbers: two of two uniform ones, Box and Muller 1958.</summary>
    public static RandomOp Normal(float mean, float deviation, ulong seed) => new(true, false, mean, deviation, seed);

    /// <summary>One uniform number from <paramref name="from"/> to <paramref name="to"/> a sample: [N,1,..].</summary>
    public static RandomOp UniformPerSample(float from, float to, ulong seed) => new(false, true, from, to, seed);

    /// <inheritdoc/>
    public override string Name => _normal ? "RandomNormal" : "RandomUniform";

    /// <inheritdoc/>
    public override bool IsPure => false;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override bool IsDifferentiable(int index) => false;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        if (!_perSample)
            return inputs[0];
        ShapeCheck.HasLastAxis(Name, inputs[0]);
        return new Shape([inputs[0][0], .. Enumerable.Repeat(1, inputs[0].Rank - 1)]);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Output.Fill(Draw);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
    }

    private void Draw(Span<float> values)
    {
        Span<float> four = stackalloc float[4];
        for (int i = 0; i < values.Length; i += 4)
        {
            var (a, b, c, d) = Philox.Block(_seed, i / 4);
            if (_normal)
            {
                (four[0], four[1]) = Pair(a, b);
                (four[2], four[3]) = Pair(c, d);
            }
            else
            {
                (four[0], four[1], four[2], four[3]) = (Uniform(a), Uniform(b), Uniform(c), Uniform(d));
            }
            Span<float> rest = values[i..];
            four[..Math.Min(4, rest.Length)].CopyTo(rest);
        }
    }

    private float Uniform(uint word) => _a + (_b - _a) * Philox.Unit(word);

    private (float, float) Pair(uint first, uint second)
    {
        double radius = _b * Math.Sqrt(-2 * Math.Log(1 - (double)Philox.Unit(first))); // 1 - u is above 0
        (double sin, double cos) = Math.SinCos(2 * Math.PI * Philox.Unit(second));
        return ((float)(_a + radius * cos), (float)(_a + radius * sin));
    }
}
