using System.Text.Json;
using Graft.Importers.Safetensors;
using Graft.Inference;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>GPT-2 under Fit: ten steps of AdamW against PyTorch's (reference/hf/README.md, gpt2_tiny, tolerances included), and a base that costs once.</summary>
public sealed class Gpt2TrainingTests
{
    private const double LossTolerance = 1e-5, WeightTolerance = 2e-4; // absolute; PyTorch's own float32 differs by 1e-6 and 4e-5

    private static string Folder => GraftShared.Path("reference", "hf", "gpt2_tiny");

    [Theory]
    [InlineData("full", "adamw_full_final")]
    [InlineData("last_block_and_ln_f", "adamw_last_block_and_ln_f_final")]
    public void Ten_steps_of_AdamW_move_the_weights_where_PyTorch_moves_them(string variant, string final) => TrainAsPyTorch(Device.Default, variant, final);

    /// <summary>The steps on a device, and what is to come out.</summary>
    internal static void TrainAsPyTorch(Device device, string variant, string final)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "training.json")));
        double[] expected = [.. json.RootElement.GetProperty(variant).GetProperty("loss_before_each_step_then_after_step_10").EnumerateArray().Select(v => v.GetDouble())];
        SafetensorsWeights start = SafetensorsWeights.Open(Path.Combine(Folder, "safetensors", "model.safetensors"));
        Gpt2 gpt = Gpt2.Build(Gpt2Config.Open(Path.Combine(Folder, "safetensors")), length: 16);
        gpt.LoadWeights(start);
        gpt.MoveTo(device);
        if (variant != "full")
            gpt.Freeze(trainableBlocks: 1);
        using var optimizer = new AdamW(1e-3f, weightDecay: 0.01f, epsilon: 1e-8f) { CorrectsEpsilon = true };
        gpt.Compile(optimizer, Loss.SparseCategoricalCrossEntropy(fromLogits: true, ignoreClass: -100));
        BatchSource batch = ReferenceBatch();
        History history = gpt.Fit(batch, epochs: 10);
        double[] losses = [.. history["loss"], gpt.Evaluate(batch, cancellationToken: TestContext.Current.CancellationToken).Loss];
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], losses[i], LossTolerance);
        var weights = new SafetensorsFile(Path.Combine(Folder, final + ".safetensors"));
        foreach ((string path, Parameter parameter) in gpt.NamedParameters())
        {
            string name = Gpt2.HuggingFaceName(parameter.LayerName, parameter).Name;
            float[] actual = parameter.Value.ToArray();
            if (!weights.Contains(name))
            {
                Assert.Equal(start.Read(name), actual); // frozen: not a bit moves
                continue;
            }
            double[] reached = weights.Read(name).Values;
            // The keys' bias has no gradient but noise, which Adam turns into full steps.
            for (int i = 0; i < actual.Length; i++)
            {
                if (!path.EndsWith("c_attn/bias", StringComparison.Ordinal) || i is < 64 or >= 128)
                    Assert.Equal(reached[i], actual[i], WeightTolerance);
            }
        }
        gpt.Release();
    }

    [Theory]
    [InlineData(12)]
    [InlineData(20)] // of more positions than the texts have tokens: a part of the table is cut out, whatever the text
    public void A_frozen_base_is_computed_once_for_each_text_and_gives_the_weights_of_computing_it_every_time(int positions)
    {
        var results = new List<float[]>();
        foreach (FeatureCacheOptions cache in new[] { FeatureCacheOptions.Default, FeatureCacheOptions.Off })
        {
            Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = 30, Positions = positions, Width = 16, Blocks = 3, Heads = 2, EmbeddingDropout = 0, ResidualDropout = 0, AttentionDropout = 0 }, length: 12);
            gpt.SetSeed(3);
            gpt.Freeze(trainableBlocks: 1);
            gpt.Compile(new AdamW(1e-2f), Loss.SparseCategoricalCrossEntropy(fromLogits: true));
            var random = new Random(1);
            float[] ids = [.. Enumerable.Range(0, 20 * 13).Select(_ => (float)random.Next(30))];
            float[] inputs = [.. Enumerable.Range(0, 20).SelectMany(r => ids.Skip(r * 13).Take(12))], labels = [.. Enumerable.Range(0, 20).SelectMany(r => ids.Skip(r * 13 + 1).Take(12))];
            var data = new ArrayBatches(inputs, new Shape(12), labels, new Shape(12), LabelKind.Sparse, batchSize: 7, shuffleSeed: 5);
            History history = gpt.Fit(data, epochs: 4, options: new FitOptions { FeatureCache = cache });
            Assert.True(history["loss"][^1] < history["loss"][0]);
            Assert.Equal(cache == FeatureCacheOptions.Default, history.Notes.Any(n => n.Contains("20", StringComparison.Ordinal) && n.Contains("once", StringComparison.Ordinal)));
            results.Add([.. gpt.Parameters.SelectMany(p => p.Value.ToArray())]);
            gpt.Release();
        }
        Assert.Equal(results[0], results[1]);
    }

    /// <summary>The batch of the reference; token t + 1 is the label of place t, and the last place has none.</summary>
    private static ArrayBatches ReferenceBatch()
    {
        var forward = new SafetensorsFile(Path.Combine(Folder, "reference_forward.safetensors"));
        double[] ids = forward.Read("batch.input_ids").Values, labels = forward.Read("batch.labels").Values;
        float[] next = [.. labels.Select((_, i) => i % 16 == 15 ? -100f : (float)labels[i + 1])];
        return new ArrayBatches([.. ids.Select(i => (float)i)], new Shape(16), next, new Shape(16), LabelKind.Sparse, batchSize: 3);
    }
}
