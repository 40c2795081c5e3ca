using Graft.Adapters;
using Graft.Importers.Inspection;
using Graft.Importers.Text;
using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Tests.Kernels.Cpu;
using Graft.Tests.Training;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Adapters;

/// <summary>Adapters on a GPT-2: sessions, precisions, training that is ended and gone on with, model files.</summary>
[Collection(CpuThreadsCollection.Name)] // looks at the live blocks of the one pool
public sealed class LoraGpt2Tests : IDisposable
{
    private const int Epochs = 2;

    private static readonly LoraConfig Config = new() { Rank = 3, Alpha = 6, Dropout = 0.1f, TargetModules = ["c_attn", "c_fc", "c_proj"] };

    private readonly TemporaryFiles _files = new();

    private string State => _files["training.graft"];

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_session_with_adapters_gives_the_logits_of_the_graph_and_of_the_merged_weights(bool tied)
    {
        Gpt2 gpt = Adapted(tied, tied ? ["c_attn", "c_fc", "c_proj"] : ["c_attn", "lm_head"]);
        int[] ids = [3, 1, 4, 1, 5, 9];
        float[] graph = gpt.WithLength(ids.Length).Predict([.. ids.Select(i => (float)i)], new Shape(1, ids.Length), TrainingData.Token)[0][^gpt.VocabularySize..];
        float[] whole = Read(gpt, ids), byToken = Read(gpt, [.. ids[..3]], [.. ids[3..4]], [.. ids[4..]]);
        AssertClose(graph, whole);
        AssertClose(graph, byToken);
        using (CausalSession session = gpt.Open(2, 8)) // sequences of other lengths, read one by one
        {
            var logits = new float[2 * gpt.VocabularySize];
            session.Read([ids[..2], ids], logits);
            AssertClose(graph, logits[gpt.VocabularySize..]);
        }
        Lora.Merge(gpt);
        AssertClose(graph, Read(gpt, ids));
        AssertClose(graph, gpt.WithLength(ids.Length).Predict([.. ids.Select(i => (float)i)], new Shape(1, ids.Length), TrainingData.Token)[0][^gpt.VocabularySize..]);
        Lora.Unmerge(gpt);
        Assert.Equal(whole, Read(gpt, ids));
        Lora.Detach(gpt);
        float[] bare = Read(gpt, ids);
        Assert.True(bare.Zip(whole).Max(p => Math.Abs(p.First - p.Second)) > 0.05 * whole.Max(Math.Abs)); // the adapters do something
        gpt.Release();
    }

    [Fact]
    public void Adapters_stay_floats_beside_weights_of_16_bits()
    {
        Gpt2 gpt = Adapted();
        foreach (Parameter p in gpt.Parameters.Where(p => p.Shape.Rank == 2 && !p.Name.StartsWith("lora_", StringComparison.Ordinal)))
            p.Set(Array.ConvertAll(p.Value.ToArray(), v => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(v) & 0xFFFF_0000))); // 16 bits hold it
        int[] ids = [3, 1, 4, 1, 5, 9];
        float[] whole = Read(gpt, ids);
        gpt.Precision = WeightPrecision.BFloat16;
        AssertClose(whole, Read(gpt, ids));
        Lora.Merge(gpt); // W + s A B has more digits than 16 bits hold
        Assert.True(whole.Zip(Read(gpt, ids)).Max(p => Math.Abs(p.First - p.Second)) > 1e-4 * whole.Max(Math.Abs));
        gpt.Release();
    }

    [Fact]
    public void Adapters_beside_weights_of_8_bits_cost_what_those_cost_without_them()
    {
        Gpt2 gpt = Adapted();
        int[] ids = [3, 1, 4, 1, 5, 9];
        double Cost()
        {
            gpt.Precision = WeightPrecision.Float32;
            float[] whole = Read(gpt, ids);
            gpt.Precision = WeightPrecision.Int8;
            return Math.Sqrt(whole.Zip(Read(gpt, ids)).Average(p => Math.Pow(p.First - p.Second, 2)) / whole.Average(l => (double)l * l));
        }
        double attached = Cost();
        Lora.Merge(gpt);
        double merged = Cost();
        Lora.Unmerge(gpt);
        Lora.Detach(gpt);
        double bare = Cost();
        Assert.InRange(bare, 0.001, 0.05); // weights and inputs are off by up to 1/254 of a block's largest
        Assert.InRange(attached, bare / 4, 4 * bare); // adapters of random numbers spread that further
        Assert.InRange(merged, bare / 4, 4 * bare);
        gpt.Release();
    }

    [Fact]
    public void Text_is_generated_alike_with_adapters_attached_and_merged()
    {
        Gpt2 gpt = Adapted();
        int blocks = gpt.Device.Pool.LiveBlocks;
        int[] Continue() => gpt.Generate([[3, 1, 4]], new GenerationOptions { MaxNewTokens = 5 }, TrainingData.Token).Sequences[0].Generated.ToArray();
        int[] attached = Continue();
        Lora.Merge(gpt);
        Assert.Equal(attached, Continue());
        Lora.Detach(gpt);
        Assert.Equal(attached, Continue());
        gpt.Release();
        Assert.True(gpt.Device.Pool.LiveBlocks <= blocks);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.1f, 0)] // dropout in the model and on the adapters draws the same masks
    [InlineData(0.1f, 2)] // and so does what gradient checkpointing computes again
    public void Killed_at_any_step_it_ends_in_the_same_bits(float dropout, int checkpointEvery)
    {
        TextBlocks data = TinyText.Blocks();
        Gpt2 first = Compiled(dropout, data);
        first.Fit(data, Epochs, options: Options());
        float[] whole = TinyText.Weights(first);
        first.Release();
        for (int killed = 1; killed < Epochs * data.BatchesPerEpoch; killed += 4)
        {
            Gpt2 ended = Compiled(dropout, data);
            int left = killed;
            var stop = new LambdaCallback { BatchEnd = (_, _) => { if (--left == 0) throw new KilledException(); } };
            Assert.Throws<KilledException>(() => ended.Fit(data, Epochs, options: Options(checkpointEvery, [new TrainingCheckpoint(State, 1), stop])));
            ended.Release();
            Gpt2 resumed = Compiled(dropout, data);
            (History history, int epoch, int batch) = TrainingCheckpoint.Restore(resumed, State, data);
            resumed.Fit(data, Epochs, options: Options(checkpointEvery, history: history, epoch: epoch, batch: batch));
            Assert.Equal(whole, TinyText.Weights(resumed));
            resumed.Release();
        }
    }

    [Fact]
    public void What_the_frozen_part_makes_of_each_text_is_computed_once_and_changes_nothing()
    {
        TextBlocks data = TinyText.Blocks();
        var results = new List<float[]>();
        foreach (FeatureCacheOptions cache in new[] { FeatureCacheOptions.Default, FeatureCacheOptions.Off })
        {
            Gpt2 gpt = Compiled(0, data, ["transformer.h.1.mlp.c_proj"]);
            History history = gpt.Fit(data, Epochs, options: new FitOptions { FeatureCache = cache });
            Assert.Equal(cache == FeatureCacheOptions.Default, history.Notes.Any(n => n.Contains("once", StringComparison.Ordinal)));
            Assert.DoesNotContain(gpt.MemoryReport!.KeptBytes.Keys, k => k.StartsWith("h.0.", StringComparison.Ordinal) || k.StartsWith("h.1.attn", StringComparison.Ordinal));
            results.Add(TinyText.Weights(gpt));
            gpt.Release();
        }
        Assert.Equal(results[0], results[1]);
    }

    [Fact]
    public void A_model_file_holds_the_adapters_and_what_is_frozen()
    {
        TextBlocks data = TinyText.Blocks();
        Gpt2 gpt = Compiled(0.1f, data);
        gpt.Fit(data, 1);
        ModelFile.Save(gpt, State);
        Assert.Contains("1,008 numbers, 816 of them frozen", FileInspector.Open(State).Layers.First(l => l.Name == "h.0.attn.c_attn").Detail, StringComparison.Ordinal); // rank 3: 3 (16 + 48) learn
        Model loaded = ModelFile.Load(State).Model;
        Assert.Equal(gpt.NamedParameters().Select(p => (p.Path, p.Parameter.IsTrainable)), loaded.NamedParameters().Select(p => (p.Path, p.Parameter.IsTrainable)));
        Assert.Equal(TinyText.Weights(gpt), TinyText.Weights(loaded));
        Assert.Equal(Lora.Modules(gpt).Select(m => (m.Adapter.Rank, m.Adapter.Scale, m.Adapter.DropoutRate)), Lora.Modules(loaded).Select(m => (m.Adapter.Rank, m.Adapter.Scale, m.Adapter.DropoutRate)));
        float[] ids = [.. Enumerable.Range(0, TinyText.Length).Select(i => (float)i)], logits = gpt.Predict(ids, new Shape(1, TinyText.Length), TrainingData.Token)[0];
        Assert.Equal(logits, loaded.Predict(ids, new Shape(1, TinyText.Length), TrainingData.Token)[0]);
        Lora.Merge(loaded);
        AssertClose(logits, loaded.Predict(ids, new Shape(1, TinyText.Length), TrainingData.Token)[0]);
        Assert.Contains("is merged. Call Lora.Unmerge", Assert.Throws<GraftException>(() => ModelFile.Save(loaded, _files["merged.graft"])).Message, StringComparison.Ordinal);
        Assert.Contains("is merged", Assert.Throws<GraftException>(() => ModelFile.Restore(loaded, State)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_files["merged.graft"]));
        Lora.Detach(loaded);
        ModelFile.Save(loaded, _files["merged.graft"]);
        AssertClose(logits, ModelFile.Load(_files["merged.graft"]).Model.Predict(ids, new Shape(1, TinyText.Length), TrainingData.Token)[0]);
        gpt.Release();
        loaded.Release();
    }

    private static Gpt2 Compiled(float dropout, TextBlocks data, string[]? targets = null)
    {
        Gpt2 gpt = TinyText.Model(dropout);
        Lora.Attach(gpt, Config with { Dropout = dropout, TargetModules = targets ?? Config.TargetModules });
        gpt.Compile(new AdamW(new CosineDecay(1e-2f, Epochs * data.BatchesPerEpoch), 0.1f) { GlobalClipNorm = 1, Decays = AdamW.AllButBiasesAndNorms }, TextBlocks.Loss);
        return gpt;
    }

    private static FitOptions Options(int checkpointEvery = 0, Callback[]? callbacks = null, History? history = null, int epoch = 0, int batch = 0) =>
        new() { Seed = 4, CheckpointEvery = checkpointEvery, Callbacks = callbacks ?? [], History = history, InitialEpoch = epoch, InitialBatch = batch };

    /// <summary>A small GPT-2 whose adapters have moved away from zero.</summary>
    private static Gpt2 Adapted(bool tied = true, string[]? targets = null)
    {
        Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = 30, Positions = 8, Width = 32, Blocks = 2, Heads = 2, InitializerRange = 0.2f, TieEmbeddings = tied });
        gpt.SetSeed(5);
        Lora.Attach(gpt, Config with { TargetModules = targets ?? Config.TargetModules });
        var random = new Random(2);
        foreach (LoraModule module in Lora.Modules(gpt))
            module.Adapter.B.Set([.. Enumerable.Range(0, (int)module.Adapter.B.Shape.Count).Select(_ => (random.NextSingle() - 0.5f) * 0.5f)]);
        return gpt;
    }

    private static float[] Read(Gpt2 gpt, params int[][] pieces)
    {
        var logits = new float[gpt.VocabularySize];
        using CausalSession session = gpt.Open(1, 8);
        foreach (int[] piece in pieces)
            session.Read([piece], logits);
        return logits;
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        float scale = expected.Max(Math.Abs);
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 1e-5f * scale));
    }

    private sealed class KilledException : Exception;
}
