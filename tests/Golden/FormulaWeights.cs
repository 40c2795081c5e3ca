using System.Text;
using System.Text.Json;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Tests.Golden;

/// <summary>torchvision's networks and GPT-2 with weights by formula, as reference/hf/README.md has it ("Formula weights"): nothing is stored but base and range.</summary>
internal sealed class FormulaWeights : WeightFile
{
    private readonly JsonElement _parameters;

    private FormulaWeights(JsonElement parameters) => _parameters = parameters;

    public override string Source => "formula";

    public override IReadOnlyCollection<string> Names => [.. _parameters.EnumerateObject().Select(p => p.Name)];

    private static JsonElement Table => JsonDocument.Parse(File.ReadAllText(GraftShared.Path("reference", "hf", "vision_torch", "parameters.json"))).RootElement;

    /// <summary>The weights of "resnet18", "resnet50" or "vgg16".</summary>
    public static FormulaWeights Of(string network) => new(Table.GetProperty(network));

    /// <summary>The weights of a GPT-2 of 124 million parameters.</summary>
    public static FormulaWeights Gpt2() =>
        new(JsonDocument.Parse(File.ReadAllText(GraftShared.Path("reference", "hf", "gpt2_small_arch", "parameters.json"))).RootElement);

    /// <summary>The input [1,3,224,224], turned to [1,224,224,3].</summary>
    public static float[] Input()
    {
        float[] planes = Values(Table.GetProperty("input"), "input"), image = new float[planes.Length];
        int pixels = planes.Length / 3;
        for (int c = 0; c < 3; c++)
        {
            for (int p = 0; p < pixels; p++)
                image[p * 3 + c] = planes[c * pixels + p];
        }
        return image;
    }

    public override Shape ShapeOf(string name) => new([.. _parameters.GetProperty(name).GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())]);

    public override float[] Read(string name) => Values(_parameters.GetProperty(name), name);

    public override WeightName Locate(string layer, Parameter parameter) => WeightName.Torch(layer, parameter);

    private static float[] Values(JsonElement rule, string name)
    {
        int count = rule.GetProperty("shape").EnumerateArray().Aggregate(1, (n, d) => n * d.GetInt32());
        int from = rule.GetProperty("base_1024").GetInt32(), range = rule.GetProperty("R").GetInt32();
        uint hash = 0x811C9DC5;
        foreach (byte b in Encoding.UTF8.GetBytes(name))
            hash = (hash ^ b) * 0x01000193;
        Assert.Equal(rule.GetProperty("fnv1a32").GetUInt32(), hash);
        var values = new float[count];
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            int q = Mixed(hash + (uint)i * 0x9E3779B9, range);
            sum += q;
            values[i] = (from + q) / 1024f;
        }
        Assert.Equal(rule.GetProperty("sum_q").GetInt64(), sum);
        Assert.Equal(rule.GetProperty("last_q").GetInt32(), Mixed(hash + (uint)(count - 1) * 0x9E3779B9, range));
        return values;
    }

    private static int Mixed(uint x, int range)
    {
        x ^= x >> 16;
        x *= 0x85EBCA6B;
        x ^= x >> 13;
        x *= 0xC2B2AE35;
        x ^= x >> 16;
        return (int)(x % (uint)(2 * range + 1)) - range;
    }
}
