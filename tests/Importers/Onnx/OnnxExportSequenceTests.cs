using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.Golden;
using Graft.Tests.Inference;
using Xunit;

namespace Graft.Tests.Importers.Onnx;

/// <summary>Sequences, masks, attention and language models, exported and run by ONNX Runtime.</summary>
public sealed class OnnxExportSequenceTests
{
    private const double Tolerance = 2e-6; // of the output's scale, as for single layers

    private const double DeepTolerance = 1e-5; // of GPT-2's logits: three blocks

    public static TheoryData<string> Masked => ["lstm", "lstm backwards", "gru before", "gru after", "simple", "bidirectional", "stacked", "pooled", "attention", "heads", "in time"];

    [Theory]
    [MemberData(nameof(Masked))]
    public void Masks_mean_the_same(string kind)
    {
        Node x = Node.Input(new Shape(6, 4), "x");
        Node masked = new Masking(0).Apply(x);
        Node y = kind switch
        {
            "lstm" => new LSTM(3) { ReturnSequences = true, ReturnState = true, ZeroOutputForMask = true }.Apply(masked),
            "lstm backwards" => new LSTM(3) { ReturnSequences = true, GoBackwards = true }.Apply(masked),
            "gru before" => new GRU(3) { ResetAfter = false, RecurrentActivation = Activation.SiLU }.Apply(masked),
            "gru after" => new GRU(3) { ReturnSequences = true }.Apply(masked),
            "simple" => new SimpleRNN(3) { Activation = Activation.Softmax }.Apply(masked),
            "bidirectional" => new Bidirectional(new LSTM(3) { ReturnSequences = true }).Apply(masked),
            "stacked" => new GRU(2).Apply(new LSTM(3) { ReturnSequences = true }.Apply(masked)),
            "pooled" => new GlobalAveragePooling1D().Apply(masked),
            "attention" => new Attention { UseCausalMask = true }.Apply(masked, masked),
            "heads" => new MultiHeadAttention(2, 3).Apply(masked, masked),
            _ => new GlobalAveragePooling1D().Apply(new Concatenate(1).Apply(masked, x)),
        };
        var model = new Model([x], y.Outputs);
        OnnxExportLayerTests.Drawn(model);
        float[] values = [.. Enumerable.Range(0, 3 * 24).Select(i => i / 4 % 6 < 2 + i / 24 ? MathF.Sin(i) : 0)]; // 2, 3 and 4 steps count
        OnnxExportLayerTests.Check(model, 3, values, new OnnxExportOptions(), Tolerance);
        model.Release();
    }

    [Theory]
    [InlineData("mean")]
    [InlineData("largest")]
    [InlineData("largest, kept")]
    [InlineData("pooled")]
    [InlineData("convolved")]
    [InlineData("both ways")]
    [InlineData("recurrent")]
    public void What_stands_behind_all_steps_of_a_recurrent_layer_comes_back(string kind)
    {
        using var files = new TemporaryFiles();
        Node x = Node.Input(new Shape(6, 4), "x"), steps = new LSTM(3) { ReturnSequences = true }.Apply(x); // in the file its steps come first, then the samples
        Node y = kind switch
        {
            "mean" => new GlobalAveragePooling1D().Apply(steps),
            "largest" => new GlobalMaxPooling1D().Apply(steps),
            "largest, kept" => new GlobalMaxPooling1D { KeepDims = true }.Apply(steps),
            "pooled" => new MaxPooling1D(2).Apply(steps),
            "convolved" => new Conv1D(2, 3) { Padding = Padding.Same }.Apply(steps),
            "both ways" => new GlobalMaxPooling1D().Apply(new Bidirectional(new GRU(3) { ReturnSequences = true }).Apply(steps)),
            _ => new SimpleRNN(2).Apply(new AveragePooling1D(3).Apply(steps)),
        };
        var model = new Model(x, new Dense(2).Apply(new Flatten().Apply(y)));
        OnnxExportLayerTests.Drawn(model);
        float[] values = [.. Enumerable.Range(0, 3 * 24).Select(i => MathF.Sin(i))];
        OnnxExportLayerTests.Check(model, 3, values, new OnnxExportOptions(), Tolerance);
        OnnxExport.Write(model, files["steps.onnx"]);
        Model again = OnnxImport.Load(files["steps.onnx"]);
        Assert.All(model.Predict(values, new Shape(3, 6, 4)).Zip(again.Predict(values, new Shape(3, 6, 4))), p => Assert.InRange(PlanModels.Deviation(p.First, p.Second), 0, Tolerance));
        model.Release();
        again.Release();
    }

    public static TheoryData<string> Attentions => ["dot", "concat", "additive", "heads", "heads causal", "grouped"];

    [Theory]
    [MemberData(nameof(Attentions))]
    public void Attention_gives_its_numbers(string kind)
    {
        Node x = Node.Input(new Shape(5, 6), "x");
        Layer layer = kind switch
        {
            "dot" => new Attention { UseScale = true, ReturnAttentionScores = true },
            "concat" => new Attention { ScoreMode = ScoreMode.Concat },
            "additive" => new AdditiveAttention(),
            "heads" => new MultiHeadAttention(2, 3) { ReturnAttentionScores = true },
            "heads causal" => new MultiHeadAttention(3, 2) { UseCausalMask = true, ValueDim = 4, OutputDim = 5 },
            _ => new GroupedQueryAttention(3, 4, 2),
        };
        var model = new Model([x], layer.Apply(x, new Dense(6).Apply(x)).Outputs);
        OnnxExportLayerTests.Drawn(model);
        OnnxExportLayerTests.Check(model, 2, [.. Enumerable.Range(0, 60).Select(i => MathF.Sin(i))], new OnnxExportOptions(), Tolerance);
        model.Release();
    }

    [Fact]
    public void Initial_states_go_in_and_last_states_come_out()
    {
        Node x = Node.Input(new Shape(5, 3), "x"), h = Node.Input(new Shape(4), "h"), c = Node.Input(new Shape(4), "c");
        var model = new Model([x, h, c], new LSTM(4) { ReturnSequences = true, ReturnState = true }.Apply(x, h, c).Outputs);
        OnnxExportLayerTests.Drawn(model);
        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i))];
        (Shape, float[])[] inputs = [(new Shape(2, 5, 3), Values(30)), (new Shape(2, 4), Values(8)), (new Shape(2, 4), Values(8))];
        using var run = new OrtRun(OnnxExport.ToBytes(model));
        Dictionary<string, (Shape Shape, float[] Values)> results = run.Run([.. inputs.Select((v, i) => (run.Inputs[i], v.Item1, (Array)v.Item2))]);
        Assert.All(model.PredictAll(inputs).Zip(run.Outputs), p => Assert.InRange(PlanModels.Deviation(p.First.Values, results[p.Second].Values), 0, Tolerance));
        model.Release();
    }

    [Fact]
    public void Ids_go_in_as_integers_and_id_0_is_padding_where_it_was()
    {
        Node ids = Node.Input(new Shape(6), "words");
        Node x = new Embedding(10, 4) { MaskZero = true }.Apply(ids);
        var model = new Model(ids, new Dense(2).Apply(new Bidirectional(new GRU(3)).Apply(x)));
        OnnxExportLayerTests.Drawn(model);
        long[] words = [3, 4, 0, 0, 0, 0, 9, 8, 7, 6, 5, 0];
        using var run = new OrtRun(OnnxExport.ToBytes(model));
        float[] expected = model.PredictAll([(new Shape(2, 6), Array.ConvertAll(words, w => (float)w))])[0].Values;
        Assert.InRange(PlanModels.Deviation(expected, run.Run(("words", new Shape(2, 6), words))[run.Outputs[0]].Values), 0, Tolerance);
        model.Release();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void GPT2_takes_texts_of_any_length_with_or_without_a_mask(bool mask)
    {
        Gpt2 gpt = Tiny();
        using var run = new OrtRun(OnnxExport.ToBytes(gpt, new OnnxExportOptions { AttentionMask = mask }));
        Assert.Equal(mask ? ["input_ids", "attention_mask", "position_ids"] : ["input_ids"], run.Inputs);
        Assert.Equal(["logits"], run.Outputs);
        Assert.Equal(["batch", "sequence"], run.Dims("input_ids"));
        Assert.Equal(["batch", "sequence", "60"], run.Dims("logits"));
        foreach (int length in new[] { 1, 7, 24 })
        {
            long[] ids = Ids(2 * length);
            float[] expected = Logits(gpt, ids, 2, length);
            (string, Shape, Array) words = ("input_ids", new Shape(2, length), ids);
            Dictionary<string, (Shape Shape, float[] Values)> results = mask ? run.Run(words, Mask(2, length, _ => 0), Places(2, length, (_, t) => t)) : run.Run(words);
            Assert.InRange(PlanModels.Deviation(expected, results["logits"].Values), 0, DeepTolerance);
        }
        gpt.Release();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void GPT2_goes_on_from_keys_and_values_of_the_tokens_before(bool mask, bool last)
    {
        Gpt2 gpt = Tiny();
        using var run = new OrtRun(OnnxExport.ToBytes(gpt, new OnnxExportOptions { KeyValueCache = true, AttentionMask = mask, LastLogitsOnly = last }));
        Assert.Contains("past_key_values.2.value", run.Inputs);
        Assert.Contains("present.0.key", run.Outputs);
        Assert.Equal(["batch", "3", "past_sequence_length", "8"], run.Dims("past_key_values.0.key"));
        Assert.Equal(["batch", last ? "1" : "sequence", "60"], run.Dims("logits"));
        long[] ids = Ids(2 * 20);
        (Shape Shape, float[] Values)[] past = [.. Enumerable.Range(0, 6).Select(_ => (new Shape(2, 3, 0, 8), Array.Empty<float>()))];
        int read = 0;
        foreach (int fresh in new[] { 9, 1, 1, 4, 1, 1, 3 }) // a prompt, then tokens one by one or in pieces
        {
            long[] piece = [.. Enumerable.Range(0, 2).SelectMany(n => ids.Skip(n * 20 + read).Take(fresh))];
            List<(string, Shape, Array)> inputs = [("input_ids", new Shape(2, fresh), piece), .. past.Select((p, i) => (Cache("past_key_values", i), p.Shape, (Array)p.Values))];
            read += fresh;
            if (mask)
                inputs.AddRange([Mask(2, read, _ => 0), Places(2, fresh, (_, t) => read - fresh + t)]);
            Dictionary<string, (Shape Shape, float[] Values)> results = run.Run([.. inputs]);
            past = [.. Enumerable.Range(0, 6).Select(i => results[Cache("present", i)])];
            long[] soFar = [.. Enumerable.Range(0, 2).SelectMany(n => ids.Skip(n * 20).Take(read))];
            float[] all = Logits(gpt, soFar, 2, read);
            int shown = last ? 1 : fresh;
            float[] expected = [.. Enumerable.Range(0, 2).SelectMany(n => all.Skip((n * read + read - shown) * 60).Take(shown * 60))];
            Assert.InRange(PlanModels.Deviation(expected, results["logits"].Values), 0, DeepTolerance);
        }
        gpt.Release();
    }

    [Fact]
    public void Padding_at_the_left_changes_nothing()
    {
        Gpt2 gpt = Tiny();
        using var run = new OrtRun(OnnxExport.ToBytes(gpt, new OnnxExportOptions { AttentionMask = true, LastLogitsOnly = true }));
        long[] ids = Ids(5), padded = [0, 0, 0, .. ids, .. Ids(8)];
        Dictionary<string, (Shape Shape, float[] Values)> results = run.Run(
            ("input_ids", new Shape(2, 8), padded), Mask(2, 8, n => n == 0 ? 3 : 0), Places(2, 8, (n, t) => n == 0 ? Math.Max(0, t - 3) : t));
        float[] expected = [.. Logits(gpt, ids, 1, 5).Skip(4 * 60)];
        Assert.InRange(PlanModels.Deviation(expected, results["logits"].Values[..60]), 0, DeepTolerance);
        gpt.Release();
    }

    [Theory]
    [InlineData(null)]
    [InlineData(59)]
    public void A_classifier_of_texts_finds_their_last_token(int? padding)
    {
        Gpt2 gpt = Tiny();
        Gpt2Classifier classifier = Gpt2Classifier.On(gpt, ["good", "bad"], padding);
        using var run = new OrtRun(OnnxExport.ToBytes(classifier));
        long[] ids = [.. Ids(6), 59, 59, .. Ids(7), 59, 59, 59, 59, 59, 59, 59, 59, 59];
        float[] expected = [.. classifier.Predict(Array.ConvertAll(ids, i => (float)i), new Shape(3, 8)).SelectMany(r => r)];
        Assert.InRange(PlanModels.Deviation(expected, run.Run(("input_ids", new Shape(3, 8), ids))["logits"].Values), 0, DeepTolerance);
        classifier.Release();
    }

    [Fact]
    public void Adapters_are_written_beside_the_weights()
    {
        Gpt2 gpt = Tiny();
        Graft.Adapters.Lora.Attach(gpt, new Graft.Adapters.LoraConfig { Rank = 2, Alpha = 4, TargetModules = ["c_attn", "c_proj"] });
        OnnxExportLayerTests.Drawn(gpt);
        using var run = new OrtRun(OnnxExport.ToBytes(gpt));
        long[] ids = Ids(6);
        Assert.InRange(PlanModels.Deviation(Logits(gpt, ids, 1, 6), run.Run(("input_ids", new Shape(1, 6), ids))["logits"].Values), 0, 1e-4); // drawn weights amplify: three blocks of sums over 24 and 96
        gpt.Release();
    }

    internal static Gpt2 Tiny()
    {
        Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = 60, Positions = 32, Width = 24, Blocks = 3, Heads = 3, InitializerRange = 0.2f });
        gpt.SetSeed(3);
        return gpt;
    }

    private static float[] Logits(Gpt2 gpt, long[] ids, int rows, int length)
    {
        using var tape = new Graft.Autograd.Tape(gpt.Device);
        return gpt.WithLength(length).Run(tape, [tape.Constant(new Shape(rows, length), Array.ConvertAll(ids, i => (int)i))])[0].ToArray();
    }

    private static long[] Ids(int count) => [.. Enumerable.Range(0, count).Select(i => (long)(i * 37 % 59))];

    private static (string, Shape, Array) Mask(int rows, int length, Func<int, int> padding) =>
        ("attention_mask", new Shape(rows, length), Enumerable.Range(0, rows * length).Select(i => i % length < padding(i / length) ? 0L : 1L).ToArray());

    private static (string, Shape, Array) Places(int rows, int length, Func<int, int, int> place) =>
        ("position_ids", new Shape(rows, length), Enumerable.Range(0, rows * length).Select(i => (long)place(i / length, i % length)).ToArray());

    private static string Cache(string stem, int i) => $"{stem}.{i / 2}.{(i % 2 == 0 ? "key" : "value")}";
}
