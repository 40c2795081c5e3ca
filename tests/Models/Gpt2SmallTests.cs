using System.Text.Json;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>GPT-2 of 124 million parameters with weights by formula against Hugging Face: reference/hf/README.md, gpt2_small_arch.</summary>
[Collection(CpuThreadsCollection.Name)] // a gigabyte of weights: one at a time
public sealed class Gpt2SmallTests
{
    private const double Tolerance = 2e-4; // absolute, on logits of up to 8; PyTorch's own float32 differs by 1.6e-5

    [Fact]
    public void Logits_and_the_greedy_continuation_equal_Hugging_Face_s()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(GraftShared.Path("reference", "hf", "gpt2_small_arch", "reference.json")));
        Gpt2 gpt = Gpt2.Build(Gpt2Config.Small);
        Assert.True(gpt.LoadWeights(FormulaWeights.Gpt2()).IsComplete);
        Check(gpt, [.. Ids(reference.RootElement.GetProperty("prompt_ids"))], reference.RootElement.GetProperty("prompt"));
        Check(gpt, [.. Enumerable.Range(0, 64).Select(i => (i * 7919 + 13) % 50257)], reference.RootElement.GetProperty("long"));

        int[] expected = Ids(reference.RootElement.GetProperty("greedy").GetProperty("sequence"));
        List<int> sequence = [.. expected[..4]];
        var logits = new float[gpt.VocabularySize];
        using CausalSession session = gpt.Open(1, 50);
        session.Read([[.. sequence]], logits);
        while (sequence.Count < 50)
        {
            sequence.Add(Array.IndexOf(logits, logits.Max()));
            if (sequence.Count < 50)
                session.Read([[sequence[^1]]], logits);
        }
        Assert.Equal(expected, sequence);
        gpt.Release();
    }

    /// <summary>Logits behind each place that the reference has, read one by one and, up to the last, at once.</summary>
    private static void Check(Gpt2 gpt, int[] ids, JsonElement places)
    {
        var logits = new float[gpt.VocabularySize];
        using CausalSession session = gpt.Open(1, ids.Length);
        foreach (JsonProperty place in places.EnumerateObject())
        {
            int end = int.Parse(place.Name, System.Globalization.CultureInfo.InvariantCulture) + 1;
            session.Read([ids[session.Length(0)..end]], logits);
            JsonElement top = place.Value.GetProperty("top20");
            int[] largest = Ids(top.GetProperty("ids"));
            for (int i = 0; i < largest.Length; i++)
                Assert.Equal(top.GetProperty("logits")[i].GetDouble(), logits[largest[i]], Tolerance);
            foreach (JsonProperty one in place.Value.GetProperty("logits_at_vocab_index").EnumerateObject())
                Assert.Equal(one.Value.GetDouble(), logits[int.Parse(one.Name, System.Globalization.CultureInfo.InvariantCulture)], Tolerance);
            double max = logits.Max(), sum = logits.Sum(l => Math.Exp(l - max));
            Assert.Equal(place.Value.GetProperty("logsumexp").GetDouble(), max + Math.Log(sum), Tolerance);
        }
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(i => i.GetInt32())];
}
