using Graft.Importers.HuggingFace;
using Graft.Importers.Safetensors;
using Graft.Importers.Text;
using Graft.Inference;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>A head for classes on GPT-2: whose token it reads, what it costs, its files.</summary>
public sealed class Gpt2ClassifierTests
{
    private const int Vocabulary = 30, Pad = 29, Positions = 12;

    private static readonly Gpt2Config Config = new()
    {
        VocabularySize = Vocabulary, Positions = Positions, Width = 16, Blocks = 3, Heads = 2, EosToken = null, EmbeddingDropout = 0, ResidualDropout = 0, AttentionDropout = 0, InitializerRange = 0.2f,
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Logits_are_the_heads_product_with_Hugging_Faces_hidden_state_of_the_last_token_that_is_no_padding()
    {
        const double Tolerance = 1e-5; // of the largest logit: that of the hidden states in reference/hf/README.md
        string folder = GraftShared.Path("reference", "hf", "gpt2_tiny");
        var forward = new SafetensorsFile(Path.Combine(folder, "reference_forward.safetensors"));
        double[] ids = forward.Read("batch.input_ids").Values, mask = forward.Read("batch.attention_mask").Values, hidden = forward.Read("batch.hidden_states.3").Values;
        int length = 16, width = hidden.Length / ids.Length, pad = (int)ids[Array.IndexOf(mask, 0)];
        Gpt2 body = Gpt2.Build(Gpt2Config.Open(Path.Combine(folder, "safetensors")), length);
        body.LoadWeights(HuggingFaceFolder.OpenWeights(Path.Combine(folder, "safetensors")));
        Gpt2Classifier model = Gpt2Classifier.On(body, ["a", "b", "c"], pad);
        float[] head = model.GetLayer("score").Parameters[0].Value.ToArray(); // [width,3]
        float[][] logits = model.Predict([.. ids.Select(i => (float)i)], new Shape(ids.Length / length, length), Token);
        for (int n = 0; n < logits.Length; n++)
        {
            int last = Enumerable.Range(0, length).Last(t => mask[n * length + t] == 1);
            Assert.NotEqual(pad, ids[n * length + last]);
            double[] expected = [.. Enumerable.Range(0, 3).Select(k => Enumerable.Range(0, width).Sum(c => hidden[(n * length + last) * width + c] * head[c * 3 + k]))];
            for (int k = 0; k < 3; k++)
                Assert.Equal(expected[k], logits[n][k], Tolerance * expected.Max(Math.Abs));
        }
        Assert.True(mask.Contains(0));
        model.Release();
    }

    [Fact]
    public void A_texts_logits_depend_neither_on_its_neighbours_nor_on_how_much_padding_follows()
    {
        Gpt2 body = Body();
        int[][] texts = Texts(9);
        Gpt2Classifier model = Gpt2Classifier.On(body, ["a", "b"], Pad), shorter = Gpt2Classifier.On(body.WithLength(7), ["a", "b"], Pad);
        shorter.GetLayer("score").Parameters[0].Set(model.GetLayer("score").Parameters[0].Value.ToArray());
        float[][] together = Predict(model, texts);
        for (int i = 0; i < texts.Length; i++)
        {
            Assert.Equal(together[i], Predict(model, [texts[i]])[0]); // to the last bit
            if (texts[i].Length > 7)
                continue;
            float[] with = together[i], less = Predict(shorter, [texts[i]])[0];
            for (int k = 0; k < with.Length; k++)
                Assert.Equal(with[k], less[k], 1e-5 * with.Max(Math.Abs)); // another length may add in another order
        }
        Assert.Equal(9, together.Select(r => r[0]).Distinct().Count());
        model.Release();
        shorter.Release();
    }

    [Theory]
    [InlineData(0)] // the boundary is what the base makes of the last token
    [InlineData(1)] // it is what frozen blocks make of every token, and the ids, which say which one is the last
    public void A_frozen_base_is_computed_once_for_each_text_and_gives_the_weights_of_computing_it_every_time(int trainableBlocks)
    {
        var results = new List<float[]>();
        foreach (FeatureCacheOptions cache in new[] { FeatureCacheOptions.Default, FeatureCacheOptions.Off })
        {
            Gpt2Classifier model = Gpt2Classifier.On(Body(width: 32), ["a", "b"], Pad);
            model.SetSeed(4);
            model.Freeze(trainableBlocks);
            float[] before = Weights(model);
            model.Compile(new AdamW(1e-2f), Loss.SparseCategoricalCrossEntropy(fromLogits: true), Metric.Accuracy, Metric.MacroF1);
            int[][] texts = Texts(20);
            PaddedTextBatches data = new(texts, [.. texts.Select(t => t[0] % 2)], ["a", "b"], Positions, Pad, batchSize: 7, shuffleSeed: 5);
            History history = model.Fit(data, epochs: 4, options: new FitOptions { FeatureCache = cache });
            Assert.True(history["loss"][^1] < history["loss"][0]);
            if (cache == FeatureCacheOptions.Default)
                Assert.Contains("20 training samples computed once, 60 times taken from the cache", history.Notes[0], StringComparison.Ordinal);
            Assert.Contains("texts_per_second", history.Names);
            Assert.DoesNotContain("images_per_second", history.Names);
            results.Add(Weights(model));
            Assert.Equal(before[..(Vocabulary * 32)], results[^1][..(Vocabulary * 32)]); // the embedding is frozen
            model.Release();
        }
        Assert.Equal(results[0], results[1]);
    }

    [Fact]
    public void Features_in_a_folder_serve_a_later_run_also_where_texts_differ_in_length()
    {
        using var files = new TemporaryFiles();
        var results = new List<float[]>();
        foreach (FeatureCacheOptions cache in new[] { FeatureCacheOptions.Off, new() { Folder = files["features"] }, new() { Folder = files["features"] } })
        {
            Gpt2Classifier model = Gpt2Classifier.On(Body(width: 32), ["a", "b"], Pad);
            model.SetSeed(4);
            model.Freeze(1);
            model.Compile(new AdamW(1e-2f), Loss.SparseCategoricalCrossEntropy(fromLogits: true));
            int[][] texts = Texts(20);
            PaddedTextBatches data = new(texts, [.. texts.Select(t => t[0] % 2)], ["a", "b"], Positions, Pad, batchSize: 3, shuffleSeed: 5 + results.Count / 2); // the last in another order
            Assert.True(data.Epoch(0, 0, Token).Select(b => b.InputShape[1]).Distinct().Count() > 3);
            History history = model.Fit(data, epochs: 2, options: new FitOptions { FeatureCache = cache });
            if (results.Count == 2)
                Assert.Contains("0 training samples computed once, 40 times taken from the cache", history.Notes[0], StringComparison.Ordinal);
            results.Add(Weights(model));
            model.Release();
        }
        Assert.Equal(results[0], results[1]);
        Assert.NotEqual(results[1], results[2]);
    }

    [Fact]
    public void Shorter_rows_train_as_padded_ones_do_and_longer_ones_are_refused()
    {
        int[][] texts = [.. Texts(20).Select(t => t[..Math.Min(t.Length, 5)])];
        int[] classes = [.. texts.Select(t => t[0] % 2)];
        float[][] weights = [.. new[] { 5, Positions }.Select(length =>
        {
            Gpt2Classifier model = Gpt2Classifier.On(Body(), ["a", "b"], Pad);
            model.SetSeed(4);
            model.Compile(new Sgd(0.1f), Loss.SparseCategoricalCrossEntropy(fromLogits: true));
            var rows = new ArrayBatches(PaddedTextBatches.Rows(texts, length, Pad), new Shape(length), [.. classes.Select(c => (float)c)], new Shape(1), LabelKind.Sparse, batchSize: 20);
            Batch batch = rows.Epoch(0, 0, Token).Single();
            model.Fit(new OneBatch(batch, Positions), epochs: 3);
            float[] trained = Weights(model);
            Assert.Contains("does not fit", Assert.Throws<ShapeException>(() => model.Predict(new float[Positions + 1], new Shape(1, Positions + 1), Token)).Message, StringComparison.Ordinal);
            model.Release();
            return trained;
        })];
        Assert.NotEqual(weights[0], Weights(Gpt2Classifier.On(Body(), ["a", "b"], Pad)));
        for (int i = 0; i < weights[0].Length; i++)
            Assert.Equal(weights[1][i], weights[0][i], 1e-4 * Math.Max(0.1, Math.Abs(weights[1][i]))); // sums in another order, over three steps
    }

    [Fact]
    public void Training_everything_moves_every_weight_and_learns_by_heart()
    {
        Gpt2Classifier model = Gpt2Classifier.On(Body(), ["a", "b", "c"], Pad);
        model.SetSeed(4);
        float[][] before = [.. model.Parameters.Select(p => p.Value.ToArray())];
        model.Compile(new AdamW(5e-3f), Loss.SparseCategoricalCrossEntropy(fromLogits: true), Metric.Accuracy);
        int[][] texts = Texts(12);
        int[] classes = [.. texts.Select((_, i) => i % 3)];
        PaddedTextBatches data = new(texts, classes, ["a", "b", "c"], Positions, Pad, batchSize: 4, shuffleSeed: 5);
        Assert.Equal(1, model.Fit(data, epochs: 40).Last("accuracy"));
        Assert.All(model.Parameters.Zip(before), p => Assert.NotEqual(p.Second, p.First.Value.ToArray()));
        ConfusionMatrix found = model.Evaluate(data, cancellationToken: Token).Confusion!;
        Assert.Equal(["a", "b", "c"], found.Names);
        Assert.Equal(1, found.MacroF1);
        model.Release();
    }

    [Fact]
    public void A_saved_folder_has_transformers_names_and_gives_the_same_logits()
    {
        using var files = new TemporaryFiles();
        Gpt2Classifier model = Gpt2Classifier.On(Body(), ["ham", "spam", "other"], Pad);
        Gpt2Config config = model.Config with { TextLength = 9 };
        HuggingFaceFolder.Save(files["saved"], model, config.ToJson(), Gpt2Classifier.HuggingFaceName);
        SafetensorsWeights weights = SafetensorsWeights.Open(Path.Combine(files["saved"], "model.safetensors"));
        Assert.Equal(new Shape(3, 16), weights.ShapeOf("score.weight")); // PyTorch's [out,in]
        Assert.Contains("transformer.h.2.mlp.c_proj.bias", weights.Names);
        Gpt2Config read = Gpt2Config.Open(files["saved"]);
        Assert.Equal(["ham", "spam", "other"], read.ClassNames);
        Assert.Equal((Pad, 9), (read.PadToken, read.TextLength));
        Assert.Contains("GPT2ForSequenceClassification", File.ReadAllText(Path.Combine(files["saved"], "config.json")), StringComparison.Ordinal);
        Gpt2Classifier again = Gpt2Classifier.Build(read, Positions);
        Assert.True(again.LoadWeights(HuggingFaceFolder.OpenWeights(files["saved"])).IsComplete);
        Assert.Equal(Predict(model, Texts(5)), Predict(again, Texts(5)));
        Assert.Equal(9, Gpt2Classifier.Build(read).Length);
        Assert.Contains("score.weight", Assert.Throws<GraftException>(() => Gpt2.Build(read).LoadWeights(HuggingFaceFolder.OpenWeights(files["saved"]))).Message, StringComparison.Ordinal);
        model.Release();
        again.Release();
    }

    [Fact]
    public void A_config_of_a_classifier_without_names_has_those_that_transformers_gives()
    {
        using var files = new TemporaryFiles();
        File.WriteAllText(files["config.json"], """{"model_type":"gpt2","architectures":["GPT2ForSequenceClassification"],"num_labels":3}""");
        Assert.Equal(["LABEL_0", "LABEL_1", "LABEL_2"], Gpt2Config.Open(files["config.json"]).ClassNames);
        File.WriteAllText(files["config.json"], """{"model_type":"gpt2","architectures":["GPT2LMHeadModel"],"id2label":{"0":"LABEL_0","1":"LABEL_1"}}""");
        Assert.Empty(Gpt2Config.Open(files["config.json"]).ClassNames);
        File.WriteAllText(files["config.json"], """{"model_type":"gpt2","architectures":["GPT2ForSequenceClassification"],"id2label":{"0":"a","2":"b"}}""");
        Assert.Contains("id2label has '2'", Assert.Throws<GraftException>(() => Gpt2Config.Open(files["config.json"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Probabilities_are_the_softmax_also_of_large_logits()
    {
        float[] shares = Gpt2Classifier.Probabilities([1000, 1000 + MathF.Log(3)]);
        Assert.Equal(0.25, shares[0], 1e-4); // the sum 1000 + log 3 is rounded to 6e-5
        Assert.Equal(1, shares.Sum(), 1e-6);
    }

    [Fact]
    public void What_makes_no_classifier_is_refused()
    {
        Gpt2 body = Body();
        Assert.Contains("two or more", Assert.Throws<GraftException>(() => Gpt2Classifier.On(body, ["a"], Pad)).Message, StringComparison.Ordinal);
        Assert.Contains("'a', 'a'", Assert.Throws<GraftException>(() => Gpt2Classifier.On(body, ["a", "a"], Pad)).Message, StringComparison.Ordinal);
        Assert.Contains("vocabulary has 30", Assert.Throws<GraftException>(() => Gpt2Classifier.On(body, ["a", "b"], 30)).Message, StringComparison.Ordinal);
        Assert.Contains("the model has 3", Assert.Throws<GraftException>(() => Gpt2Classifier.On(body, ["a", "b"], Pad).Freeze(4)).Message, StringComparison.Ordinal);
        body.Release();
    }

    private static Gpt2 Body(int width = 16)
    {
        Gpt2 body = Gpt2.Build(Config with { Width = width });
        body.SetSeed(3);
        return body;
    }

    private static int[][] Texts(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(i => Enumerable.Range(0, 1 + i * 7 % Positions).Select(_ => random.Next(Pad)).ToArray())];
    }

    private static float[][] Predict(Gpt2Classifier model, int[][] texts) => model.Predict(PaddedTextBatches.Rows(texts, model.Length, Pad), new Shape(texts.Length, model.Length), Token);

    /// <summary>One batch as it is, in every epoch.</summary>
    private sealed class OneBatch(Batch batch, int length) : BatchSource
    {
        public override int Count => batch.Size;

        public override int BatchSize => batch.Size;

        public override Shape SampleShape { get; } = new(length);

        public override Shape LabelShape { get; } = new(1);

        public override LabelKind LabelKind => LabelKind.Sparse;

        public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) => [batch];
    }

    private static float[] Weights(Model model) => [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
}
