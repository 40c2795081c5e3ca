namespace Graft.Tests.Layers;

/// <summary>The recurrent layers of keras.layers as plain loops in double, gate by gate as its source has them (keras/src/layers/rnn).</summary>
internal sealed class RecurrentFormula
{
    public required string Layer { get; init; } // "simple_rnn", "lstm", "gru", "gru reset_after"

    public required int Units { get; init; }

    public required float[] Kernel { get; init; }

    public required float[] RecurrentKernel { get; init; }

    public float[]? Bias { get; init; }

    public Func<double, double> Activation { get; init; } = Math.Tanh;

    public Func<double, double> RecurrentActivation { get; init; } = Sigmoid;

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private int Width => RecurrentKernel.Length / Units;

    /// <summary>Outputs in the order of the steps, and the states behind the last, of one sequence [T][I].</summary>
    public (double[][] Outputs, double[][] States) Run(float[][] x, double[][]? initial = null, bool[]? mask = null, bool backwards = false)
    {
        double[][] states = initial ?? [.. Enumerable.Range(0, Layer == "lstm" ? 2 : 1).Select(_ => new double[Units])];
        var outputs = new List<double[]>();
        for (int step = 0; step < x.Length; step++)
        {
            int t = backwards ? x.Length - 1 - step : step;
            if (mask is null || mask[t])
                states = Step(x[t], states);
            outputs.Add(states[0]);
        }
        return ([.. outputs], states);
    }

    private double[][] Step(float[] x, double[][] states)
    {
        double[] h = states[0];
        double X(int gate, int u) => Dot(x.Select(v => (double)v), Kernel, gate * Units + u) + (Bias is null ? 0 : Bias[gate * Units + u]);
        double H(IEnumerable<double> state, int gate, int u) => Dot(state, RecurrentKernel, gate * Units + u);
        double[] Gate(Func<double, double> f, Func<int, double> sum) => [.. Enumerable.Range(0, Units).Select(u => f(sum(u)))];
        if (Layer == "simple_rnn")
            return [Gate(Activation, u => X(0, u) + H(h, 0, u))];
        if (Layer == "lstm")
        {
            double[] i = Gate(RecurrentActivation, u => X(0, u) + H(h, 0, u)), f = Gate(RecurrentActivation, u => X(1, u) + H(h, 1, u));
            double[] c = Gate(Activation, u => X(2, u) + H(h, 2, u)), o = Gate(RecurrentActivation, u => X(3, u) + H(h, 3, u));
            double[] next = [.. Enumerable.Range(0, Units).Select(u => f[u] * states[1][u] + i[u] * c[u])];
            return [[.. next.Select((v, u) => o[u] * Activation(v))], next];
        }
        bool after = Layer == "gru reset_after";
        double B(int gate, int u) => after && Bias is not null ? Bias[Width + gate * Units + u] : 0; // the second row of the bias
        double[] z = Gate(RecurrentActivation, u => X(0, u) + H(h, 0, u) + B(0, u)), r = Gate(RecurrentActivation, u => X(1, u) + H(h, 1, u) + B(1, u));
        double[] candidate = Gate(Activation, u => X(2, u) + (after ? r[u] * (H(h, 2, u) + B(2, u)) : H(h.Select((v, j) => r[j] * v), 2, u)));
        return [[.. Enumerable.Range(0, Units).Select(u => z[u] * h[u] + (1 - z[u]) * candidate[u])]];
    }

    private double Dot(IEnumerable<double> a, float[] matrix, int column)
    {
        double sum = 0;
        int row = 0;
        foreach (double v in a)
            sum += v * matrix[row++ * Width + column];
        return sum;
    }
}
