using System.Text.Json.Nodes;
using Graft.Importers.Safetensors;
using Graft.Models;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>Whole runs of transformers 4.39 (whose rule for beams is the newer) on a small trained GPT-2.</summary>
public sealed class ReferenceSequenceTests
{
    private const double Tolerance = 1e-5; // relative, of scores; transformers' own float32 and float64 runs differ by 1e-7

    [Fact]
    public void All_60_runs_give_the_sequences_and_scores_of_transformers() => Check(PlainGpt2.Open(GenerateCase.File("model")));

    [Fact]
    public void All_of_them_with_cached_keys_and_values()
    {
        string folder = GenerateCase.File("model");
        Gpt2 gpt = Gpt2.Build(Gpt2Config.Open(folder));
        gpt.LoadWeights(SafetensorsWeights.Open(Path.Combine(folder, "model.safetensors")));
        Check(gpt);
        gpt.Release();
    }

    private static void Check(ICausalModel model)
    {
        JsonObject[] cases = GenerateCase.Read("sequences.json"), newer = GenerateCase.Read("sequences_4_39.json");
        Assert.Equal(60, cases.Length);
        var faults = new List<string>();
        for (int i = 0; i < cases.Length; i++)
        {
            string? fault = Fault(model, cases[i], newer[i]);
            if (fault is not null)
                faults.Add($"{cases[i]["name"]}: {fault}");
        }
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    private static string? Fault(ICausalModel model, JsonObject @case, JsonObject expected)
    {
        Assert.Equal((string)@case["name"]!, (string)expected["name"]!);
        int[][] ids = GenerateCase.Rows(@case["inputs"]!["input_ids"]!);
        JsonNode? mask = @case["inputs"]!["attention_mask"];
        GenerationOptions options = GenerateCase.Options(@case["generate_args"]!.AsObject());
        if (expected["error"] is not null)
            return Assert.Throws<GraftException>(() => model.Generate(ids, options)).Message.Contains("no room", StringComparison.Ordinal) ? null : "another error";
        if (options.PenaltyAlpha is not null && !GivesHiddenStates(model))
            return Assert.Throws<GraftException>(() => model.Generate(ids, options)).Message.Contains("hidden states", StringComparison.Ordinal) ? null : "another error";
        GenerationResult result = mask is null ? model.Generate(ids, options) : model.Generate(ids, GenerateCase.Rows(mask), options);
        int[][] found = result.Padded(), wanted = GenerateCase.Rows(expected["sequences"]!);
        if (found.Length != wanted.Length || found.Zip(wanted).Any(p => !p.First.SequenceEqual(p.Second)))
            return $"found\n  {string.Join("\n  ", found.Select(r => string.Join(' ', r)))}\nexpected\n  {string.Join("\n  ", wanted.Select(r => string.Join(' ', r)))}";
        double[] scores = [.. expected["sequences_scores"]?.AsArray().Select(s => (double)s!) ?? []];
        double?[] own = scores.Length == 0 ? [] : [.. result.Sequences.Select(s => s.Score)];
        return scores.Zip(own).All(p => Math.Abs(p.First - p.Second!.Value) <= Tolerance * Math.Abs(p.First)) ? null : $"scores {string.Join(' ', own)}, expected {string.Join(' ', scores)}";
    }

    private static bool GivesHiddenStates(ICausalModel model)
    {
        using CausalSession session = model.Open(1, 1);
        return session.HiddenSize > 0;
    }
}
