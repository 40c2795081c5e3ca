using System.Text.Json;
using Graft.Autograd;
using Graft.Importers.Safetensors;
using Graft.Kernels;
using Graft.Layers;
using Graft.Models;
using Graft.Ops;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>GPT-2 against what Hugging Face computed in float64: reference/hf/README.md, gpt2_tiny, tolerances included.</summary>
public sealed class Gpt2Tests
{
    // Shares of the largest number of a tensor; PyTorch's own float32 differs by a tenth.
    private const double Tolerance = 1e-5;

    private const double LossTolerance = 5e-6; // absolute

    private static SafetensorsFile Reference(string name) => new(GraftShared.Path("reference", "hf", "gpt2_tiny", name));

    [Theory]
    [InlineData("batch", 16)]
    [InlineData("single", 8)]
    public void Logits_and_hidden_states_equal_Hugging_Face_s(string what, int length)
    {
        Gpt2 gpt = Tiny().WithLength(length);
        SafetensorsFile reference = Reference("reference_forward.safetensors");
        using var tape = new Tape(gpt.Device);
        (int[] ids, int rows) = Ids(reference, $"{what}.input_ids");
        string[] places = ["drop", "h.0.add_2", "h.1.add_2", "ln_f", "lm_head"]; // the fourth hidden state is behind the last norm
        Node[] nodes = [.. places.Select(p => gpt.Nodes.Single(n => n.Layer.Name == p))];
        var model = new Model(gpt.Inputs, nodes);
        Tensor[] results = model.Run(tape, [tape.Constant(new Shape(rows, length), ids)]);
        bool[] attended = what == "batch" ? [.. reference.Read("batch.attention_mask").Values.Select(m => m == 1)] : [.. ids.Select(_ => true)];
        for (int i = 0; i < results.Length; i++)
            Near(places[i], reference.Read(i < 4 ? $"{what}.hidden_states.{i}" : $"{what}.logits").Values, results[i].ToArray(), attended);
        gpt.Release();
    }

    [Fact]
    public void The_loss_and_all_gradients_equal_Hugging_Face_s()
    {
        Gpt2 gpt = Tiny().WithLength(16);
        gpt.Trainable = true;
        SafetensorsFile forward = Reference("reference_forward.safetensors"), gradients = Reference("reference_grads.safetensors");
        (int[] ids, int rows) = Ids(forward, "batch.input_ids");
        double[] labels = forward.Read("batch.labels").Values;
        using var tape = new Tape(gpt.Device) { Training = true };
        Tensor logits = gpt.Run(tape, [tape.Constant(new Shape(rows, 16), ids)])[0];
        // Token t is predicted at place t - 1; -100 is no class and costs nothing.
        float[] next = [.. Enumerable.Range(0, rows * 15).Select(i => (float)labels[i / 15 * 16 + i % 15 + 1])];
        Tensor losses = tape.Run(new SoftmaxCrossEntropyOp(sparse: true), tape.Run(new SliceOp(1, 0, 15), logits), tape.Constant(new Shape(rows, 15), next));
        int counted = next.Count(l => l >= 0);
        Assert.Equal(forward.Read("batch.loss").Values[0], losses.ToArray().Sum(l => (double)l) / counted, LossTolerance);
        tape.Backward(losses, [.. next.Select(_ => 1f / counted)]);
        foreach ((string path, Parameter parameter) in gpt.NamedParameters())
        {
            string name = Gpt2.HuggingFaceName(parameter.LayerName, parameter).Name;
            double[] expected = gradients.Read(name).Values;
            float[] actual = tape.Gradient(parameter.Value)!.ToArray();
            // The keys' bias has a gradient of exactly 0: softmax does not see a constant. What is stored there is noise.
            bool[] compared = [.. expected.Select((_, i) => !path.EndsWith("c_attn/bias", StringComparison.Ordinal) || i is < 64 or >= 128)];
            Near(name, expected, actual, compared);
        }
        gpt.Release();
    }

    [Fact]
    public void Reading_token_by_token_or_in_pieces_gives_the_logits_of_reading_at_once()
    {
        Gpt2 gpt = Tiny();
        SafetensorsFile reference = Reference("reference_forward.safetensors");
        (int[] ids, _) = Ids(reference, "single.input_ids");
        double[] expected = reference.Read("single.logits").Values;
        var logits = new float[gpt.VocabularySize];
        foreach (int[] pieces in new int[][] { [1, 1, 1, 1, 1, 1, 1, 1], [5, 3], [8], [2, 1, 5] })
        {
            using CausalSession session = gpt.Open(1, 8);
            foreach (int count in pieces)
            {
                session.Read([ids[session.Length(0)..(session.Length(0) + count)]], logits);
                int at = session.Length(0) - 1;
                Near($"place {at}", expected[(at * logits.Length)..((at + 1) * logits.Length)], logits);
            }
        }
        gpt.Release();
    }

    [Fact]
    public void Sequences_of_different_lengths_are_read_side_by_side_without_padding()
    {
        Gpt2 gpt = Tiny();
        SafetensorsFile reference = Reference("reference_forward.safetensors");
        (int[] ids, int rows) = Ids(reference, "leftpad.input_ids");
        int width = ids.Length / rows;
        double[] mask = reference.Read("leftpad.attention_mask").Values, expected = reference.Read("leftpad.logits").Values;
        int[][] prompts = [.. Enumerable.Range(0, rows).Select(r => ids.Skip(r * width).Take(width).Where((_, i) => mask[r * width + i] == 1).ToArray())];
        Assert.NotEqual(prompts[0].Length, prompts[1].Length);
        var logits = new float[rows * gpt.VocabularySize];
        using CausalSession session = gpt.Open(rows, 128);
        session.Read(prompts, logits);
        for (int r = 0; r < rows; r++)
        {
            int last = (r + 1) * width - 1;
            Near($"row {r}", expected[(last * gpt.VocabularySize)..((last + 1) * gpt.VocabularySize)], logits[(r * gpt.VocabularySize)..((r + 1) * gpt.VocabularySize)]);
        }
        gpt.Release();
    }

    [Fact]
    public void Reordered_sequences_go_on_from_their_parents()
    {
        Gpt2 gpt = Random(new Gpt2Config { VocabularySize = 50, Positions = 32, Width = 24, Blocks = 2, Heads = 3 });
        float[] logits = new float[3 * 50], alone = new float[50];
        using CausalSession session = gpt.Open(3, 32);
        session.Read([[1, 2, 3], [4, 5], [6, 7, 8, 9]], logits);
        session.Reorder([2, 0, 2]);
        Assert.Equal([4, 3, 4], Enumerable.Range(0, 3).Select(session.Length));
        session.Read([[10], [11], [12]], logits);
        int[][] whole = [[6, 7, 8, 9, 10], [1, 2, 3, 11], [6, 7, 8, 9, 12]];
        for (int s = 0; s < 3; s++)
        {
            using CausalSession one = gpt.Open(1, 32);
            one.Read([whole[s]], alone);
            Near($"sequence {s}", [.. alone.Select(v => (double)v)], logits[(s * 50)..((s + 1) * 50)]);
        }
        gpt.Release();
    }

    [Theory]
    [InlineData(false, true, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    public void A_session_computes_what_the_graph_computes_whatever_the_config(bool tied, bool scaled, bool scaledByBlock)
    {
        Gpt2 gpt = Random(new Gpt2Config
        {
            VocabularySize = 61, Positions = 700, Width = 20, Blocks = 2, Heads = 2, InnerWidth = 50, Activation = Activation.Gelu, TieEmbeddings = tied, ScaleAttention = scaled,
            ScaleAttentionByBlock = scaledByBlock,
        });
        int[] ids = [.. Enumerable.Range(0, 600).Select(i => i * 7 % 61)];
        using var tape = new Tape(gpt.Device);
        float[] expected = gpt.WithLength(600).Run(tape, [tape.Constant(new Shape(1, 600), ids)])[0].ToArray();
        var logits = new float[61];
        using CausalSession session = gpt.Open(1, 700);
        session.Read([ids], logits); // more than a pass holds
        Near("last", [.. expected[^61..].Select(v => (double)v)], logits);
        gpt.Release();
    }

    [Fact]
    public void A_session_follows_changed_weights_and_another_length_shares_them()
    {
        Gpt2 gpt = Random(new Gpt2Config { VocabularySize = 20, Positions = 8, Width = 8, Blocks = 1, Heads = 2 });
        Gpt2 shorter = gpt.WithLength(3);
        Assert.Equal(gpt.Parameters, shorter.Parameters);
        Assert.Equal(2, gpt.Parameters.Count(p => p.Name == "embeddings")); // wte and wpe; lm_head has none of its own
        var before = new float[20];
        var after = new float[20];
        using (CausalSession session = gpt.Open(1, 8))
            session.Read([[1, 2]], before);
        Parameter kernel = gpt.NamedParameters().Single(p => p.Path == "h.0.mlp.c_proj/kernel").Parameter;
        kernel.Set(new float[kernel.Shape.Count]);
        using (CausalSession session = shorter.Open(1, 8))
            session.Read([[1, 2]], after);
        Assert.NotEqual(before, after);
        gpt.Release();
    }

    [Fact]
    public void Fewer_bits_change_the_logits_a_little_and_floats_come_back()
    {
        Gpt2 gpt = Tiny();
        (int[] ids, _) = Ids(Reference("reference_forward.safetensors"), "single.input_ids");
        float[] Read(WeightPrecision precision)
        {
            gpt.Precision = precision;
            var logits = new float[gpt.VocabularySize];
            using CausalSession session = gpt.Open(1, 8);
            session.Read([ids[..7]], logits);
            session.Read([ids[7..]], logits);
            return logits;
        }
        float[] whole = Read(WeightPrecision.Float32);
        double rms = Math.Sqrt(whole.Average(l => (double)l * l));
        // A weight is off by up to 2^-9 of itself; by up to 1/254 of the largest of its block, and so is an input.
        foreach ((WeightPrecision precision, double bound) in new[] { (WeightPrecision.BFloat16, 0.01), (WeightPrecision.Int8, 0.03) })
        {
            double error = Math.Sqrt(whole.Zip(Read(precision), (a, b) => (double)(a - b) * (a - b)).Average()) / rms;
            Assert.InRange(error, bound / 100, bound);
        }
        Assert.Equal(whole, Read(WeightPrecision.Float32));
        gpt.Release();
    }

    [Fact]
    public void Freeze_leaves_the_last_blocks_and_the_final_norm_trainable()
    {
        Gpt2 gpt = Gpt2.Build(new Gpt2Config { VocabularySize = 20, Positions = 8, Width = 8, Blocks = 3, Heads = 2 });
        gpt.Freeze(1);
        Assert.Equal(["h.2", "ln_f"], gpt.Parameters.Where(p => p.IsTrainable).Select(p => p.LayerName.StartsWith("h.", StringComparison.Ordinal) ? p.LayerName[..3] : p.LayerName).Distinct());
        Assert.Contains("3", Assert.Throws<GraftException>(() => gpt.Freeze(4)).Message, StringComparison.Ordinal);
        gpt.Release();
    }

    [Fact]
    public void Prompts_that_do_not_fit_are_refused_by_name()
    {
        Gpt2 gpt = Random(new Gpt2Config { VocabularySize = 20, Positions = 8, Width = 8, Blocks = 1, Heads = 2 });
        var logits = new float[20];
        Assert.Contains("n_positions", Assert.Throws<GraftException>(() => gpt.Open(1, 9)).Message, StringComparison.Ordinal);
        using CausalSession session = gpt.Open(1, 8);
        Assert.Contains("n_positions", Assert.Throws<GraftException>(() => session.Read([[1, 2, 3, 4, 5, 6, 7, 8, 9]], logits)).Message, StringComparison.Ordinal);
        Assert.Contains("no token", Assert.Throws<GraftException>(() => session.Read([[]], logits)).Message, StringComparison.Ordinal);
        Assert.Contains("20", Assert.Throws<GraftException>(() => session.Read([[1, 20]], logits)).Message, StringComparison.Ordinal);
        Assert.Equal(0, session.Length(0));
        gpt.Release();
    }

    [Fact]
    public void A_session_of_a_model_that_was_moved_says_so_and_reads_on_where_the_model_is_back()
    {
        Gpt2 gpt = Random(new Gpt2Config { VocabularySize = 20, Positions = 8, Width = 8, Blocks = 1, Heads = 2 });
        float[] logits = new float[20], again = new float[20];
        Device before = gpt.Device;
        using CausalSession session = gpt.Open(1, 8), other = gpt.Open(1, 8);
        session.Read([[1, 2]], logits);
        other.Read([[1, 2]], logits);
        gpt.MoveTo(before); // moves nothing
        session.Read([[3]], logits);
        gpt.MoveTo(new Device(KernelSet.Cpu));
        Assert.Contains("Open another session after MoveTo", Assert.Throws<GraftException>(() => other.Read([[3]], again)).Message, StringComparison.Ordinal);
        Assert.Equal(2, other.Length(0));
        gpt.MoveTo(before);
        other.Read([[3]], again);
        Assert.Equal(logits, again);
        other.Dispose();
        other.Dispose(); // at the test's end a third time
        Assert.Throws<ObjectDisposedException>(() => other.Read([[4]], again));
        gpt.Release();
    }

    [Fact]
    public void Threads_that_open_sessions_at_once_have_the_weights_packed_once()
    {
        var device = new Device(KernelSet.Cpu); // with blocks of its own
        for (int round = 0; round < 40; round++)
        {
            Gpt2 gpt = Random(new Gpt2Config { VocabularySize = 20, Positions = 8, Width = 8, Blocks = 2, Heads = 2 });
            gpt.MoveTo(device);
            var failed = new Exception?[4];
            using var start = new Barrier(failed.Length);
            Thread[] threads = [.. Enumerable.Range(0, failed.Length).Select(i => new Thread(() =>
            {
                start.SignalAndWait();
                failed[i] = Record.Exception(() => gpt.Open(1, 8).Dispose());
            }))];
            Array.ForEach(threads, t => t.Start());
            Array.ForEach(threads, t => t.Join());
            Assert.All(failed, Assert.Null);
            gpt.Release();
            Assert.Equal(0, device.Pool.LiveBlocks);
        }
    }

    [Theory]
    [InlineData("MLegkovskis__tiny-llm-cicd")]
    [InlineData("mozilla-ai__lm-buddy__tiny_gpt2")]
    public void Checkpoints_from_the_wild_give_the_expected_logits(string name)
    {
        string folder = GraftShared.Path("corpora", "wild", name);
        Gpt2 gpt = Gpt2.Build(Gpt2Config.Open(folder));
        Assert.True(gpt.LoadWeights(SafetensorsWeights.Open(Path.Combine(folder, "model.safetensors"))).IsComplete);
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "expected_logits.json")));
        foreach (JsonElement test in expected.RootElement.GetProperty("cases").EnumerateArray())
        {
            int[] ids = [.. test.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32())];
            double[] logits = [.. test.GetProperty("logits").EnumerateArray().SelectMany(r => r.EnumerateArray().Select(v => v.GetDouble()))];
            using var tape = new Tape(gpt.Device);
            Near(name, logits, gpt.WithLength(ids.Length).Run(tape, [tape.Constant(new Shape(1, ids.Length), ids)])[0].ToArray());
        }
        gpt.Release();
    }

    private static Gpt2 Tiny()
    {
        string folder = GraftShared.Path("reference", "hf", "gpt2_tiny", "safetensors");
        Gpt2 gpt = Gpt2.Build(Gpt2Config.Open(folder));
        Assert.True(gpt.LoadWeights(SafetensorsWeights.Open(Path.Combine(folder, "model.safetensors"))).IsComplete);
        return gpt;
    }

    /// <summary>A new model whose weights are large enough to tell places and tokens apart.</summary>
    private static Gpt2 Random(Gpt2Config config) => Gpt2.Build(config with { InitializerRange = 0.3f });

    private static (int[] Ids, int Rows) Ids(SafetensorsFile file, string name)
    {
        (Shape shape, double[] values) = file.Read(name);
        return ([.. values.Select(v => (int)v)], shape[0]);
    }

    /// <summary>Rows of the last axis whose place is not in <paramref name="compared"/> are passed over.</summary>
    private static void Near(string what, double[] expected, float[] actual, bool[]? compared = null)
    {
        Assert.Equal(expected.Length, actual.Length);
        int row = expected.Length / (compared?.Length ?? expected.Length);
        double largest = expected.Max(Math.Abs), worst = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            if (compared?[i / row] == false)
                continue;
            double difference = Math.Abs(expected[i] - actual[i]);
            worst = difference <= worst ? worst : difference; // NaN is worst
        }
        if (!(worst <= Tolerance * largest))
            Assert.Fail($"{what}: off by {worst / largest:g3} of the largest number, {Tolerance:g3} is allowed.");
    }
}
