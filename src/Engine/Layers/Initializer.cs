namespace Graft.Layers;

/// <summary>Fills new parameter values.</summary>
/// <param name="shape">Shape of the parameter.</param>
/// <param name="random">The parameter's own stream.</param>
/// <param name="values">Where the numbers go, row-major.</param>
public delegate void Initializer(Shape shape, Random random, Span<float> values);

/// <summary>The initialisers of Keras that its layers use by default, and those that people give them. Where fan in and fan out are needed, there is one for each layout of a weight.</summary>
public static class Initializers
{
    /// <summary>All zeros.</summary>
    public static void Zeros(Shape shape, Random random, Span<float> values) => values.Clear();

    /// <summary>All ones.</summary>
    public static void Ones(Shape shape, Random random, Span<float> values) => values.Fill(1);

    /// <summary>Uniform in ±0.05: Keras's default for Embedding.</summary>
    public static void RandomUniform(Shape shape, Random random, Span<float> values) => Uniform(random, values, 0.05);

    /// <summary>Glorot and Bengio 2010, eq. 16, for a weight [in,out]: uniform in ±sqrt(6 / (in + out)).</summary>
    public static void GlorotUniformDense(Shape shape, Random random, Span<float> values) =>
        Uniform(random, values, Math.Sqrt(6.0 / (shape[0] + shape[1])));

    /// <summary>The same for a vector [n], as Keras counts it: in and out are n.</summary>
    public static void GlorotUniformVector(Shape shape, Random random, Span<float> values) => Uniform(random, values, Math.Sqrt(6.0 / (2 * shape[0])));

    /// <summary>The same for a convolution weight [O,R,S,I], with one to three axes of a filter: fan in R·S·I, fan out R·S·O.</summary>
    public static void GlorotUniformConv(Shape shape, Random random, Span<float> values) =>
        Uniform(random, values, Math.Sqrt(6.0 / ((double)shape.Count / shape[0] / shape[-1] * (shape[-1] + shape[0]))));

    /// <summary>The same for a depthwise weight [R,S,C,M] and others whose last axes are in and out, as Keras counts it: fan in R·S·C, fan out R·S·M.</summary>
    public static void GlorotUniformDepthwise(Shape shape, Random random, Span<float> values) =>
        Uniform(random, values, Math.Sqrt(6.0 / ((double)shape.Count / shape[-2] / shape[-1] * (shape[-2] + shape[-1]))));

    /// <summary>He et al. 2015, arXiv:1502.01852, eq. 10, for layers with ReLU behind them and a weight [in,out]: normal with deviation sqrt(2 / in), cut at two deviations as Keras's he_normal.</summary>
    public static void HeNormalDense(Shape shape, Random random, Span<float> values) => CutNormal(random, values, Math.Sqrt(2.0 / shape[0]));

    /// <summary>The same for a convolution weight [O,R,S,I], with one to three axes of a filter: fan in R·S·I.</summary>
    public static void HeNormalConv(Shape shape, Random random, Span<float> values) => CutNormal(random, values, Math.Sqrt(2.0 * shape[0] / shape.Count));

    /// <summary>The same of uniform numbers, for a weight [in,out]: in ±sqrt(6 / in), Keras's he_uniform.</summary>
    public static void HeUniformDense(Shape shape, Random random, Span<float> values) => Uniform(random, values, Math.Sqrt(6.0 / shape[0]));

    /// <summary>The same for a convolution weight [O,R,S,I]: in ±sqrt(6 / (R·S·I)).</summary>
    public static void HeUniformConv(Shape shape, Random random, Span<float> values) => Uniform(random, values, Math.Sqrt(6.0 * shape[0] / shape.Count));

    /// <summary>One number everywhere: for the bias of a last layer whose answer is rare, log(p / (1 - p)) of its share p.</summary>
    public static Initializer Constant(float value) => (_, _, values) => values.Fill(value);

    /// <summary>Uniform in ±1 / sqrt(in) for a weight [in,out]: PyTorch's Linear, whose Kaiming bound with a = sqrt(5) is this (He et al. 2015, arXiv:1502.01852).</summary>
    public static void KaimingUniformDense(Shape shape, Random random, Span<float> values) => Uniform(random, values, 1 / Math.Sqrt(shape[0]));

    /// <summary>Normal with mean 0: what GPT-2 starts from, with 0.02.</summary>
    /// <param name="deviation">The standard deviation.</param>
    public static Initializer Normal(double deviation) => (_, random, values) =>
    {
        for (int i = 0; i < values.Length; i += 2)
        {
            // Box and Muller 1958: two normal numbers of two uniform ones; 1 - u is above 0.
            double radius = deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())), angle = 2 * Math.PI * random.NextDouble();
            values[i] = (float)(radius * Math.Cos(angle));
            if (i + 1 < values.Length)
                values[i + 1] = (float)(radius * Math.Sin(angle));
        }
    };

    /// <summary>Zeros, and ones for the second of four gates: an LSTM that begins by remembering. Jozefowicz et al. 2015.</summary>
    public static void ForgetBias(Shape shape, Random random, Span<float> values)
    {
        values.Clear();
        values.Slice(values.Length / 4, values.Length / 4).Fill(1);
    }

    /// <summary>Rows, or columns where there are fewer, at right angles and of length 1: Saxe et al. 2014, arXiv:1312.6120. The first axis is the rows.</summary>
    public static void Orthogonal(Shape shape, Random random, Span<float> values)
    {
        int rows = shape[0], columns = values.Length / Math.Max(1, rows), count = Math.Min(rows, columns), length = Math.Max(rows, columns);
        Normal(1)(shape, random, values);
        var basis = new double[count][];
        for (int i = 0; i < count; i++)
        {
            var v = basis[i] = new double[length];
            for (int j = 0; j < length; j++)
                v[j] = values[rows <= columns ? i * columns + j : j * columns + i];
            for (int before = 0; before < i; before++) // Gram and Schmidt, in the stable order
            {
                double share = 0;
                for (int j = 0; j < length; j++)
                    share += v[j] * basis[before][j];
                for (int j = 0; j < length; j++)
                    v[j] -= share * basis[before][j];
            }
            double norm = Math.Sqrt(v.Sum(x => x * x));
            for (int j = 0; j < length; j++)
            {
                v[j] /= norm;
                values[rows <= columns ? i * columns + j : j * columns + i] = (float)v[j];
            }
        }
    }

    /// <summary>Normal numbers of which those beyond two deviations are drawn again; wider before that by as much as the cut takes away.</summary>
    private static void CutNormal(Random random, Span<float> values, double deviation)
    {
        const double DeviationOfCut = 0.87962566103423978; // of a normal number with deviation 1, cut at ±2
        Initializer normal = Normal(1);
        Span<float> one = stackalloc float[1];
        foreach (ref float v in values)
        {
            do
                normal(Shape.Scalar, random, one);
            while (Math.Abs(one[0]) > 2);
            v = (float)(one[0] * deviation / DeviationOfCut);
        }
    }

    private static void Uniform(Random random, Span<float> values, double limit)
    {
        foreach (ref float v in values)
            v = (float)((random.NextDouble() * 2 - 1) * limit);
    }
}
