using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>The functions against double precision, and the loop around them at its edges.</summary>
public sealed unsafe class VectorMathTests
{
    [Fact]
    public void Exp_is_within_3e_7_relative_over_its_whole_range() =>
        Check(VectorMath.Exp, Math.Exp, -87.3, 88.7, relative: 3e-7, absolute: 0);

    [Fact]
    public void Sigmoid_is_within_4e_7_relative() => // an exponential (3e-7) and two roundings
        Check(VectorMath.Sigmoid, x => 1 / (1 + Math.Exp(-x)), -80, 80, relative: 4e-7, absolute: 0);

    [Fact]
    public void Tanh_is_within_5e_7_relative() => // the exponential's error, raised by 1 - e at the seam of 0.35
        Check(VectorMath.Tanh, Math.Tanh, -12, 12, relative: 5e-7, absolute: 0);

    [Fact]
    public void Log_is_within_2e_7_relative_and_absolute()
    {
        Check(VectorMath.Log, Math.Log, 1e-3, 20, relative: 2e-7, absolute: 1.2e-7); // near 1 the result is small, its error absolute
        Check(VectorMath.Log, Math.Log, 20, 1e30, relative: 2e-7, absolute: 0);
    }

    [Fact]
    public void Erf_is_within_3e_7_absolute() => Check(VectorMath.Erf, Erf, -4, 4, relative: 0, absolute: 3e-7);

    [Fact]
    public void Special_values_come_out_as_the_limits()
    {
        const float Inf = float.PositiveInfinity;
        Assert.Equal([0f, Inf, 1f, float.NaN, Inf], At(VectorMath.Exp, -Inf, Inf, 0, float.NaN, 100));
        Assert.Equal([0f, 1f, 0.5f, float.NaN], At(VectorMath.Sigmoid, -Inf, Inf, 0, float.NaN));
        Assert.Equal([-1f, 1f, 0f, float.NaN], At(VectorMath.Tanh, -Inf, Inf, 0, float.NaN));
        Assert.Equal([float.NegativeInfinity, Inf, 0f, float.NaN, float.NaN], At(VectorMath.Log, 0, Inf, 1, float.NaN, -1));
        Assert.Equal([-1f, 1f, 0f, float.NaN], At(VectorMath.Erf, -Inf, Inf, 0, float.NaN));
    }

    [Fact]
    public void The_tail_of_a_loop_has_the_bits_of_full_vectors_and_writes_no_further()
    {
        using var x = GuardedBlock.Random(64, 1);
        using var whole = new GuardedBlock(64);
        Elementwise.Unary(default(ExpFormula), 64, x.Pointer, whole.Pointer);
        for (int count = 1; count < 48; count++)
        {
            using var y = new GuardedBlock(count);
            Elementwise.Unary(default(ExpFormula), count, x.Pointer, y.Pointer);
            Assert.True(y.Values.SequenceEqual(whole.Values[..count]), $"{count} elements differ.");
            y.AssertGuardsUntouched();
        }
    }

    [Fact]
    public void A_loop_adds_beta_y_and_does_not_read_y_where_beta_is_0()
    {
        const int Count = Elementwise.Chunk + 5;
        using var a = GuardedBlock.Random(Count, 1);
        using var b = GuardedBlock.Random(Count, 2);
        using var y = new GuardedBlock(Count); // NaN at first
        Elementwise.Binary(default(AddFormula), Count, a.Pointer, b.Pointer, y.Pointer);
        for (int i = 0; i < Count; i++)
            Assert.Equal(a.Values[i] + b.Values[i], y.Values[i]);
        Elementwise.Ternary(default(AddThreeFormula), Count, a.Pointer, a.Pointer, b.Pointer, y.Pointer, beta: 1);
        for (int i = 0; i < Count; i++)
            Assert.Equal(3 * (double)a.Values[i] + 2 * (double)b.Values[i], y.Values[i], tolerance: 1e-6); // four roundings of numbers below 8
        y.AssertGuardsUntouched();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(5000)]
    public void Sum_and_max_agree_with_double_precision(int count)
    {
        using var x = GuardedBlock.Random(count, 3);
        double sum = 0;
        float max = float.NegativeInfinity;
        foreach (float value in x.Values)
        {
            sum += value;
            max = Math.Max(max, value);
        }
        Assert.Equal(sum, Elementwise.Sum(count, x.Pointer), tolerance: 1e-4); // blocks of 1024 numbers below 1: 64 roundings a lane
        Assert.Equal(max, Elementwise.Max(count, x.Pointer));
    }

    private static void Check(Func<Vector512<float>, Vector512<float>> f, Func<double, double> exact, double from, double to, double relative, double absolute)
    {
        const int Points = 200_000;
        double worst = 0, worstAt = 0;
        for (int i = 0; i < Points; i += 16)
        {
            Vector512<float> x = Vector512<float>.Zero;
            for (int lane = 0; lane < 16; lane++)
                x = x.WithElement(lane, (float)(from + (to - from) * (i + lane) / Points));
            Vector512<float> y = f(x);
            for (int lane = 0; lane < 16; lane++)
            {
                double expected = exact(x[lane]);
                double error = Math.Abs(y[lane] - expected) / (absolute + relative * Math.Abs(expected) + double.Epsilon);
                if (!(error <= worst))
                    (worst, worstAt) = (error, x[lane]);
            }
        }
        Assert.True(worst <= 1, $"The error at {worstAt:r} is {worst:g4} times the bound.");
    }

    private static float[] At(Func<Vector512<float>, Vector512<float>> f, params float[] x)
    {
        Vector512<float> v = Vector512<float>.One;
        for (int lane = 0; lane < x.Length; lane++)
            v = v.WithElement(lane, x[lane]);
        Vector512<float> y = f(v);
        return [.. Enumerable.Range(0, x.Length).Select(lane => y[lane])];
    }

    /// <summary>The Maclaurin series: within 1e-9 up to 4, where its largest term is 1e6.</summary>
    private static double Erf(double x)
    {
        double term = x, sum = x;
        for (int n = 1; n < 120; n++)
        {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }
        return sum * 2 / Math.Sqrt(Math.PI);
    }

    private readonly struct ExpFormula : IUnaryFormula
    {
        public Vector512<float> Apply(Vector512<float> x) => VectorMath.Exp(x);
    }

    private readonly struct AddFormula : IBinaryFormula
    {
        public Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a + b;
    }

    private readonly struct AddThreeFormula : ITernaryFormula
    {
        public Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) => a + b + c;
    }
}
