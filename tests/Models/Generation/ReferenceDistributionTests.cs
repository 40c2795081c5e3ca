using System.Text.Json.Nodes;
using Graft.Models;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Models.Generation;

/// <summary>Distributions of the next token as transformers 4.30 changes them, from its raw logits.</summary>
public sealed class ReferenceDistributionTests
{
    private const double Tolerance = 1e-5; // absolute; transformers' own float32 run differs from float64 by up to 1.2e-6

    private static readonly Dictionary<Type, string[]> Names = new()
    {
        [typeof(RepetitionPenalty)] = ["RepetitionPenaltyLogitsProcessor"],
        [typeof(NoRepeatNgram)] = ["NoRepeatNGramLogitsProcessor"],
        [typeof(BadWords)] = ["NoBadWordsLogitsProcessor"],
        [typeof(MinNewTokens)] = ["MinLengthLogitsProcessor", "MinNewTokensLengthLogitsProcessor"],
        [typeof(ForcedToken)] = ["ForcedBOSTokenLogitsProcessor", "ForcedEOSTokenLogitsProcessor"],
        [typeof(ExponentialDecay)] = ["ExponentialDecayLengthPenalty"],
        [typeof(SuppressTokens)] = ["SuppressTokensLogitsProcessor"],
        [typeof(LogitNormalization)] = ["LogitNormalization"],
        [typeof(Temperature)] = ["TemperatureLogitsWarper"],
        [typeof(TopK)] = ["TopKLogitsWarper"],
        [typeof(TopP)] = ["TopPLogitsWarper"],
        [typeof(TypicalP)] = ["TypicalLogitsWarper"],
        [typeof(ProbabilityCutoff)] = ["EpsilonLogitsWarper", "EtaLogitsWarper"],
    };

    [Fact]
    public void All_45_distributions_are_those_of_transformers_in_its_order_of_steps()
    {
        JsonObject[] cases = GenerateCase.Read("distributions.json");
        var file = new SafetensorsFile(GenerateCase.File("distributions.safetensors"));
        int[][] contexts = GenerateCase.Rows(JsonNode.Parse(File.ReadAllText(GenerateCase.File("distributions.json")))!["contexts"]!);
        Assert.Equal(45, cases.Length);
        foreach (JsonObject c in cases)
        {
            string name = $"{c["key"]} {c["name"]}";
            int[] tokens = GenerateCase.Ids(c["input_ids"]!);
            int context = Array.FindIndex(contexts, x => x.SequenceEqual(tokens)), prompt = (int)c["prompt_length (for min_new_tokens)"]!;
            float[] logits = [.. file.Read($"logits_ctx{context}").Values.Select(v => (float)v)];
            GenerationOptions options = GenerateCase.Options(c["generate_args"]!.AsObject());
            LogitsChain chain = LogitsChain.Of(options, GenerationLengths.Of(options, prompt), logits.Length);
            string[] steps = [.. c["processors_applied_in_order"]!.AsArray().Select(s => (string)s!)];
            Assert.True(chain.Steps.Count == steps.Length && chain.Steps.Zip(steps).All(p => Names[p.First.GetType()].Contains(p.Second)), $"{name}: {string.Join(", ", chain.Steps.Select(s => s.GetType().Name))}");

            chain.Apply(tokens, tokens.Length - prompt, logits);
            var probabilities = new float[logits.Length];
            LogProbabilities.Softmax(logits, probabilities);
            double[] expected = file.Read((string)c["key"]!).Values;
            for (int i = 0; i < expected.Length; i++)
                Assert.True(Math.Abs(expected[i] - probabilities[i]) <= Tolerance, $"{name}: token {i} has {probabilities[i]}, transformers {expected[i]}.");
            if ((bool)c["float32_run_same_support"]!)
                Assert.Equal((int)c["nonzero"]!, probabilities.Count(p => p > 0));
        }
    }
}
