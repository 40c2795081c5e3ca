using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>Attention layers against plain loops in double, as keras/src/layers/attention has the formulas.</summary>
[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class AttentionLayerTests
{
    private const int N = 2, T = 3, S = 4, D = 6;

    public static TheoryData<string> Kinds => ["dot", "dot scaled", "dot causal", "concat", "concat scaled", "additive", "additive bare"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Attention_equals_its_formula(string kind)
    {
        Node query = Node.Input(new Shape(T, D)), value = Node.Input(new Shape(S, 5)), key = Node.Input(new Shape(S, D));
        Layer layer = kind.StartsWith("additive", StringComparison.Ordinal)
            ? new AdditiveAttention { UseScale = kind == "additive", ReturnAttentionScores = true }
            : new Attention
            {
                UseScale = kind.EndsWith("scaled", StringComparison.Ordinal), ScoreMode = kind.StartsWith("concat", StringComparison.Ordinal) ? ScoreMode.Concat : ScoreMode.Dot,
                UseCausalMask = kind == "dot causal", ReturnAttentionScores = true,
            };
        var model = new Model([query, value, key], layer.Apply(query, value, key).Outputs);
        Randomize(model);
        float[] q = Random(N * T * D, 1), v = Random(N * S * 5, 2), k = Random(N * S * D, 3);
        float[] scale = layer.Parameters.FirstOrDefault(p => p.Name == "scale")?.Value.ToArray() ?? [1];
        float weight = layer.Parameters.FirstOrDefault(p => p.Name == "concat_score_weight")?.Value.Item() ?? 1;
        double Score(int n, int t, int s) => Enumerable.Range(0, D).Sum(d =>
        {
            double a = q[(n * T + t) * D + d], b = k[(n * S + s) * D + d];
            return kind.StartsWith("dot", StringComparison.Ordinal) ? scale[0] * a * b
                : kind.StartsWith("concat", StringComparison.Ordinal) ? weight * Math.Tanh(scale[0] * (a + b))
                : scale[scale.Length == 1 ? 0 : d] * Math.Tanh(a + b);
        });
        double[][][] weights = [.. Enumerable.Range(0, N).Select(n => Enumerable.Range(0, T).Select(t =>
            Softmax(Enumerable.Range(0, S).Select(s => kind == "dot causal" && s > t ? double.NegativeInfinity : Score(n, t, s)))).ToArray())];
        float[][] results = Run(model, q, v, k);
        Near(weights.SelectMany(n => n).SelectMany(t => t), results[1]);
        Near(from n in Enumerable.Range(0, N) from t in Enumerable.Range(0, T) from c in Enumerable.Range(0, 5)
            select Enumerable.Range(0, S).Sum(s => weights[n][t][s] * v[(n * S + s) * 5 + c]), results[0]);
        CheckFileAndGradients(model, q, v, k);
        model.Release();
    }

    public static TheoryData<string> HeadKinds => ["heads", "heads, causal", "heads with sizes", "no bias", "grouped", "one group"];

    [Theory]
    [MemberData(nameof(HeadKinds))]
    public void Attention_with_heads_equals_its_formula(string kind)
    {
        (int heads, int shared, int keySize, int valueSize, int outputs) = kind switch
        {
            "heads with sizes" => (2, 2, 3, 5, 7),
            "grouped" => (4, 2, 3, 3, D),
            "one group" => (3, 1, 2, 2, D),
            _ => (2, 2, 3, 3, D),
        };
        bool causal = kind == "heads, causal", bias = kind != "no bias";
        HeadAttention layer = kind is "grouped" or "one group"
            ? new GroupedQueryAttention(keySize, heads, shared) { ReturnAttentionScores = true }
            : new MultiHeadAttention(heads, keySize)
            {
                ValueDim = kind == "heads with sizes" ? valueSize : 0, OutputDim = kind == "heads with sizes" ? outputs : null,
                UseCausalMask = causal, UseBias = bias, ReturnAttentionScores = true,
            };
        Node query = Node.Input(new Shape(T, D)), value = Node.Input(new Shape(S, 5)), key = Node.Input(new Shape(S, 4));
        layer.Name = "mha";
        var model = new Model([query, value, key], layer.Apply(query, value, key).Outputs);
        string[] names = [.. new[] { "query", "key", "value", "attention_output" }.SelectMany(p => bias ? new[] { $"mha/{p}/kernel", $"mha/{p}/bias" } : [$"mha/{p}/kernel"])];
        Assert.Equal(names, model.NamedParameters().Select(p => p.Path)); // Keras's order
        Randomize(model);
        float[] q = Random(N * T * D, 1), v = Random(N * S * 5, 2), k = Random(N * S * 4, 3);
        float[] P(string part, string name) => model.NamedParameters().FirstOrDefault(p => p.Path == $"mha/{part}/{name}").Parameter?.Value.ToArray() ?? [];
        double Projected(float[] x, int row, int width, string part, int head, int i, int count, int size)
        {
            float[] kernel = P(part, "kernel"), b = P(part, "bias");
            return (b.Length == 0 ? 0 : b[head * size + i]) + Enumerable.Range(0, width).Sum(d => (double)x[row * width + d] * kernel[(d * count + head) * size + i]);
        }
        var expected = new double[N * T * outputs];
        var expectedWeights = new List<double>();
        float[] outKernel = P("attention_output", "kernel"), outBias = P("attention_output", "bias");
        for (int n = 0; n < N; n++)
        {
            for (int h = 0; h < heads; h++)
            {
                int kv = h / (heads / shared);
                for (int t = 0; t < T; t++)
                {
                    double[] qs = [.. Enumerable.Range(0, keySize).Select(i => Projected(q, n * T + t, D, "query", h, i, heads, keySize))];
                    double[] weights = Softmax(Enumerable.Range(0, S).Select(s => causal && s > t ? double.NegativeInfinity
                        : Enumerable.Range(0, keySize).Sum(i => qs[i] * Projected(k, n * S + s, 4, "key", kv, i, shared, keySize)) / Math.Sqrt(keySize)));
                    expectedWeights.AddRange(weights);
                    for (int i = 0; i < valueSize; i++)
                    {
                        double mixed = Enumerable.Range(0, S).Sum(s => weights[s] * Projected(v, n * S + s, 5, "value", kv, i, shared, valueSize));
                        for (int o = 0; o < outputs; o++)
                            expected[(n * T + t) * outputs + o] += mixed * outKernel[(h * valueSize + i) * outputs + o];
                    }
                }
            }
        }
        float[][] results = Run(model, q, v, k);
        Near(expectedWeights, results[1]);
        Near(expected.Select((e, i) => e + (bias ? outBias[i % outputs] : 0)), results[0]);
        CheckFileAndGradients(model, q, v, k);
        model.Release();
    }

    [Fact]
    public void Masked_values_are_not_seen_and_masked_queries_give_zeros()
    {
        Node query = Node.Input(new Shape(T, D)), value = Node.Input(new Shape(S, D));
        Layer[] layers = [new Attention(), new MultiHeadAttention(2, 3)];
        foreach (Layer layer in layers)
        {
            var masked = new Model([query, value], [layer.Apply(new Masking().Apply(query), new Masking().Apply(value))]);
            Randomize(masked);
            Node shorter = Node.Input(new Shape(S - 1, D));
            var plain = new Model([query, shorter], [layer.Apply(query, shorter)]);
            float[] q = Random(T * D, 1), v = Random(S * D, 2);
            v.AsSpan((S - 1) * D).Clear(); // padding
            float[] expected = Run(plain, q, v[..((S - 1) * D)])[0];
            Near(expected.Select(e => (double)e), Run(masked, q, v)[0]);
            q.AsSpan(2 * D, D).Clear();
            float[] withPadding = Run(masked, q, v)[0];
            Near(expected[..(2 * D)].Select(e => (double)e), withPadding.AsSpan(0, 2 * D));
            if (layer is Attention)
                Assert.All(withPadding[(2 * D)..], y => Assert.Equal(0, y));
            masked.Release();
        }
    }

    [Fact]
    public void Two_layers_of_the_same_kind_begin_with_different_weights()
    {
        Node x = Node.Input(new Shape(T, D));
        var model = new Model(x, new MultiHeadAttention(2, 3).Apply(new MultiHeadAttention(2, 3).Apply(x, x), x));
        Assert.NotEqual(model.Layers[1].Parameters[0].Value.ToArray(), model.Layers[2].Parameters[0].Value.ToArray());
        model.Release();
    }

    [Fact]
    public void A_frozen_attention_layer_stays_frozen_in_the_model_file()
    {
        Node x = Node.Input(new Shape(T, D));
        var model = new Model(x, new MultiHeadAttention(2, 3).Apply(x, x));
        model.Trainable = false;
        var config = new JsonObject();
        GraphJson.Write(model, config);
        Assert.False(GraphJson.Read("copy", config).Trainable);
    }

    private static void CheckFileAndGradients(Model model, params float[][] inputs)
    {
        var config = new JsonObject();
        GraphJson.Write(model, config);
        Model copy = GraphJson.Read(model.Name, JsonNode.Parse(config.ToJsonString())!);
        foreach ((Parameter from, Parameter to) in model.Parameters.Zip(copy.Parameters))
            to.Set(from.Value.ToArray());
        Assert.Equal(Run(model, inputs), Run(copy, inputs));
        copy.Release();
        using var tape = new Tape(model.Device) { Training = true };
        Tensor y = model.Run(tape, [.. inputs.Select((x, i) => tape.Constant(model.Inputs[i].Shape.Prepend(N), x))])[0];
        if (model.Parameters.Count == 0)
            return;
        var upstream = Random((int)y.Count, 9);
        tape.Backward(y, upstream);
        Assert.All(model.Parameters, p => Assert.NotNull(tape.Gradient(p.Value)));
    }

    private static double[] Softmax(IEnumerable<double> scores)
    {
        double[] e = [.. scores.Select(Math.Exp)];
        return [.. e.Select(v => v / e.Sum())];
    }

    private static float[][] Run(Model model, params float[][] inputs)
    {
        using var tape = new Tape(model.Device);
        return [.. model.Run(tape, [.. inputs.Select((x, i) => tape.Constant(model.Inputs[i].Shape.Prepend(x.Length / (int)model.Inputs[i].Shape.Count), x))]).Select(y => y.ToArray())];
    }

    private static void Randomize(Model model)
    {
        int seed = 50;
        foreach (Parameter p in model.Parameters)
            p.Set(Random((int)p.Shape.Count, seed++));
    }

    private static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }

    /// <summary>Three products in a row, each of some ten numbers, and exponentials of their sums.</summary>
    private static void Near(IEnumerable<double> expected, ReadOnlySpan<float> actual)
    {
        double[] values = [.. expected];
        Assert.Equal(values.Length, actual.Length);
        for (int i = 0; i < values.Length; i++)
            Assert.True(Math.Abs(values[i] - actual[i]) <= 5e-6 * Math.Max(1, Math.Abs(values[i])), $"[{i}] is {actual[i]}, expected {values[i]}.");
    }
}
