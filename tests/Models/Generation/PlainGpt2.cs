using System.Text.Json.Nodes;
using Graft.Tests.Golden;

namespace Graft.Tests.Models.Generation;

/// <summary>GPT-2 by plain loops in double, without a cache: a second opinion to generate with. Radford et al. 2019; names of Hugging Face.</summary>
internal sealed class PlainGpt2 : RecomputingModel
{
    private readonly SafetensorsFile _file;
    private readonly Dictionary<string, double[]> _weights = [];
    private readonly Dictionary<string, (float[] Logits, float[] Hidden)> _known = []; // the cases share most of their texts
    private readonly int _layers, _heads, _width;
    private readonly double _epsilon;

    private PlainGpt2(JsonNode config, SafetensorsFile file)
        : base((int)config["vocab_size"]!, (int)config["n_positions"]!, (int)config["n_embd"]!)
    {
        _file = file;
        (_layers, _heads, _width, _epsilon) = ((int)config["n_layer"]!, (int)config["n_head"]!, (int)config["n_embd"]!, (double)config["layer_norm_epsilon"]!);
    }

    public static PlainGpt2 Open(string folder) =>
        new(JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!, new SafetensorsFile(Path.Combine(folder, "model.safetensors")));

    public override void Compute(IReadOnlyList<int> tokens, Span<float> logits, Span<float> hidden)
    {
        string key = string.Join(',', tokens);
        if (!_known.TryGetValue(key, out (float[] Logits, float[] Hidden) known))
        {
            known = (new float[logits.Length], new float[tokens.Count * _width]);
            ComputeAnew(tokens, known.Logits, known.Hidden);
            _known.Add(key, known);
        }
        known.Logits.CopyTo(logits);
        known.Hidden.CopyTo(hidden);
    }

    private void ComputeAnew(IReadOnlyList<int> tokens, Span<float> logits, Span<float> hidden)
    {
        double[] wte = W("wte.weight"), wpe = W("wpe.weight");
        double[][] x = [.. tokens.Select((token, t) => Enumerable.Range(0, _width).Select(c => wte[token * _width + c] + wpe[t * _width + c]).ToArray())];
        for (int layer = 0; layer < _layers; layer++)
        {
            string h = $"h.{layer}.";
            Add(x, Attend(Each(x, r => Norm(r, h + "ln_1")), h));
            Add(x, Each(x, r => Linear(Gelu(Linear(Norm(r, h + "ln_2"), h + "mlp.c_fc")), h + "mlp.c_proj")));
        }
        double[][] y = Each(x, r => Norm(r, "ln_f"));
        for (int v = 0; v < logits.Length; v++)
            logits[v] = (float)Dot(wte.AsSpan(v * _width, _width), y[^1]);
        for (int t = 0; t < y.Length; t++)
        {
            for (int c = 0; c < _width; c++)
                hidden[t * _width + c] = (float)y[t][c];
        }
    }

    private double[][] Attend(double[][] x, string h)
    {
        double[][] qkv = Each(x, r => Linear(r, h + "attn.c_attn"));
        int size = _width / _heads;
        return [.. qkv.Select((q, t) =>
        {
            var y = new double[_width];
            for (int head = 0; head < _heads; head++)
            {
                int at = head * size;
                double[] scores = [.. Enumerable.Range(0, t + 1).Select(s => Dot(q.AsSpan(at, size), qkv[s].AsSpan(_width + at, size)) / Math.Sqrt(size))];
                double max = scores.Max(), sum = scores.Sum(s => Math.Exp(s - max));
                for (int s = 0; s <= t; s++)
                {
                    double share = Math.Exp(scores[s] - max) / sum;
                    for (int c = 0; c < size; c++)
                        y[at + c] += share * qkv[s][2 * _width + at + c];
                }
            }
            return Linear(y, h + "attn.c_proj");
        })];
    }

    private double[] Norm(double[] x, string name)
    {
        double mean = x.Average(), scale = 1 / Math.Sqrt(x.Average(v => (v - mean) * (v - mean)) + _epsilon);
        double[] gain = W(name + ".weight"), bias = W(name + ".bias");
        return [.. x.Select((v, c) => (v - mean) * scale * gain[c] + bias[c])];
    }

    private double[] Linear(double[] x, string name)
    {
        double[] weight = W(name + ".weight"), y = [.. W(name + ".bias")];
        for (int i = 0; i < x.Length; i++)
        {
            for (int o = 0; o < y.Length; o++)
                y[o] += x[i] * weight[i * y.Length + o];
        }
        return y;
    }

    private static double[] Gelu(double[] x) => [.. x.Select(v => 0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))))];

    private static double[][] Each(double[][] x, Func<double[], double[]> row) => [.. x.Select(row)];

    private static void Add(double[][] x, double[][] y)
    {
        for (int t = 0; t < x.Length; t++)
        {
            for (int c = 0; c < x[t].Length; c++)
                x[t][c] += y[t][c];
        }
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    private double[] W(string name)
    {
        if (!_weights.TryGetValue(name, out double[]? values))
            _weights[name] = values = _file.Read("transformer." + name).Values;
        return values;
    }
}
