using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>SimpleRNN, LSTM, GRU and RNN against plain loops, and what they do with states.</summary>
[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class RecurrentLayerTests
{
    private const int N = 3, T = 5, I = 3, U = 4;

    /// <summary>Sums of some ten products and a few functions in float, over five steps.</summary>
    private const double Tolerance = 2e-6;

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string layer in new[] { "simple_rnn", "lstm", "gru", "gru reset_after" })
            {
                foreach (string option in new[] { "plain", "no bias", "backwards", "initial", "hard sigmoid", "relu" })
                    data.Add(layer, option);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Outputs_and_states_equal_the_formulas_of_Keras_worked_in_double(string layer, string option)
    {
        bool backwards = option == "backwards", initial = option == "initial";
        RecurrentLayer made = Make(layer, option);
        Node x = Node.Input(new Shape(T, I));
        Node[] states = initial ? [.. Enumerable.Range(0, layer == "lstm" ? 2 : 1).Select(_ => Node.Input(new Shape(U)))] : [];
        Node y = made.Apply([x, .. states]);
        var model = new Model([x, .. states], y.Outputs);
        float[][] given = [Random(N * T * I, 1), .. states.Select((_, i) => Random(N * U, 2 + i))];
        Randomize(model);
        float[][] results = Run(model, given);
        for (int n = 0; n < N; n++)
        {
            float[][] sequence = [.. Enumerable.Range(0, T).Select(t => given[0].AsSpan((n * T + t) * I, I).ToArray())];
            double[][]? before = initial ? [.. given[1..].Select(s => s.AsSpan(n * U, U).ToArray().Select(v => (double)v).ToArray())] : null;
            (double[][] outputs, double[][] after) = Formula(layer, option, made).Run(sequence, before, backwards: backwards);
            Near(outputs.SelectMany(o => o), results[0].AsSpan(n * T * U, T * U));
            for (int s = 0; s < after.Length; s++)
                Near(after[s], results[1 + s].AsSpan(n * U, U));
        }
        model.Release();
    }

    [Fact]
    public void Without_sequences_the_last_step_is_returned_and_a_plan_gives_the_same()
    {
        foreach (Func<bool, RecurrentLayer> make in new Func<bool, RecurrentLayer>[] { s => new LSTM(U) { ReturnSequences = s }, s => new GRU(U) { ReturnSequences = s },
            s => new RNN(new LSTMCell(3), new GRUCell(U)) { ReturnSequences = s, GoBackwards = true } })
        {
            Model all = Chain(make(true)), last = Chain(make(false));
            Randomize(all);
            Randomize(last);
            float[] x = Random(N * T * I, 1), sequences = Predict(all, x), ends = Predict(last, x);
            for (int n = 0; n < N; n++)
                Assert.Equal(sequences.AsSpan((n * T + T - 1) * U, U), ends.AsSpan(n * U, U));
            Near(Run(all, [x])[0].Select(v => (double)v), sequences);
            all.Release();
            last.Release();
        }
    }

    [Fact]
    public void Stacked_cells_are_layers_on_top_of_each_other()
    {
        Model stacked = Chain(new RNN(new LSTMCell(3), new GRUCell(U)));
        Node x = Node.Input(new Shape(T, I));
        var chained = new Model(x, new GRU(U).Apply(new LSTM(3) { ReturnSequences = true }.Apply(x)));
        Randomize(stacked);
        Randomize(chained);
        Assert.Equal(Run(chained, [Random(N * T * I, 1)])[0], Run(stacked, [Random(N * T * I, 1)])[0]);
        Assert.Equal(["rnn/lstm_cell/kernel", "rnn/lstm_cell/recurrent_kernel", "rnn/lstm_cell/bias", "rnn/gru_cell/kernel", "rnn/gru_cell/recurrent_kernel", "rnn/gru_cell/bias"],
            stacked.NamedParameters().Select(p => p.Path));
        stacked.Release();
        chained.Release();
    }

    [Fact]
    public void The_states_of_an_encoder_begin_a_decoder_and_survive_the_model_file()
    {
        Node source = Node.Input(new Shape(T, I)), target = Node.Input(new Shape(2, I));
        Node encoded = new LSTM(U) { ReturnState = true }.Apply(source);
        Node decoded = new LSTM(U) { ReturnSequences = true }.Apply(target, encoded.Outputs[1], encoded.Outputs[2]);
        var model = new Model([source, target], [decoded]);
        Randomize(model);
        float[][] given = [Random(N * T * I, 1), Random(N * 2 * I, 2)];
        float[] expected = Run(model, given)[0];

        // The decoder goes on where the encoder stood: with equal weights, two layers are one over both sequences.
        foreach ((Parameter from, Parameter to) in model.GetLayer("lstm").Parameters.Zip(model.GetLayer("lstm_1").Parameters))
            to.Set(from.Value.ToArray());
        Node both = Node.Input(new Shape(T + 2, I));
        var one = new Model(both, new LSTM(U) { ReturnSequences = true }.Apply(both));
        foreach ((Parameter from, Parameter to) in model.GetLayer("lstm").Parameters.Zip(one.Parameters))
            to.Set(from.Value.ToArray());
        float[] joined = [.. Enumerable.Range(0, N).SelectMany(n => given[0].AsSpan(n * T * I, T * I).ToArray().Concat(given[1].AsSpan(n * 2 * I, 2 * I).ToArray()))];
        float[] whole = Run(one, [joined])[0], parts = Run(model, given)[0];
        for (int n = 0; n < N; n++)
            Near(whole.AsSpan((n * (T + 2) + T) * U, 2 * U).ToArray().Select(v => (double)v), parts.AsSpan(n * 2 * U, 2 * U));
        Assert.NotEqual(expected, parts);

        var config = new JsonObject();
        GraphJson.Write(model, config);
        Model copy = GraphJson.Read(model.Name, JsonNode.Parse(config.ToJsonString())!);
        foreach ((Parameter from, Parameter to) in model.Parameters.Zip(copy.Parameters))
            to.Set(from.Value.ToArray());
        Assert.Equal(parts, Run(copy, given)[0]);
        Assert.Equal(model.Summary(), copy.Summary());
        Assert.Contains("lstm[0][1]", model.Summary(200), StringComparison.Ordinal); // as Keras prints a link to a state
        model.Release();
        one.Release();
        copy.Release();
    }

    [Fact]
    public void A_stateful_layer_goes_on_where_the_batch_before_ended_until_it_is_reset()
    {
        foreach (Func<bool, RecurrentLayer> make in new Func<bool, RecurrentLayer>[] { s => new LSTM(U) { Stateful = s }, s => new GRU(U) { Stateful = s },
            s => new RNN(new LSTMCell(2), new SimpleRNNCell(U)) { Stateful = s } })
        {
            Node half = Node.Input(new Shape(2, I)), whole = Node.Input(new Shape(4, I));
            Model stateful = new(half, make(true).Apply(half)), free = new(whole, make(false).Apply(whole));
            Randomize(stateful);
            Randomize(free);
            float[] x = Random(N * 4 * I, 1);
            float[] Half(int part) => [.. Enumerable.Range(0, N).SelectMany(n => x.AsSpan((n * 4 + part * 2) * I, 2 * I).ToArray())];
            float[] first = Predict(stateful, Half(0));
            Near(Run(free, [x])[0].Select(v => (double)v), Predict(stateful, Half(1)));
            Assert.NotEqual(first, Predict(stateful, Half(0)));
            stateful.ResetStates();
            Assert.Equal(first, Predict(stateful, Half(0)));
            GraftException e = Assert.Throws<GraftException>(() => Predict(stateful, Half(0)[..(2 * I)]));
            Assert.Contains("ResetStates()", e.Message, StringComparison.Ordinal);
            stateful.Release();
            free.Release();
        }
    }

    [Fact]
    public void Orthogonal_rows_are_at_right_angles_and_of_length_1()
    {
        var values = new float[4 * 12];
        Initializers.Orthogonal(new Shape(4, 12), new Random(1), values);
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < 4; j++)
                Assert.Equal(i == j ? 1 : 0, Enumerable.Range(0, 12).Sum(k => (double)values[i * 12 + k] * values[j * 12 + k]), 1e-6);
        }
    }

    [Fact]
    public void Errors_say_what_fits()
    {
        Node image = Node.Input(new Shape(4, 4, 3)), x = Node.Input(new Shape(T, I)), state = Node.Input(new Shape(U + 1));
        Assert.Contains("takes sequences [T,I]", Assert.Throws<ShapeException>(() => new LSTM(U).Apply(image)).Message, StringComparison.Ordinal);
        Assert.Contains("2 initial states", Assert.Throws<ShapeException>(() => new LSTM(U).Apply(x, state)).Message, StringComparison.Ordinal);
        Assert.Contains("initial state 0 has shape [5]", Assert.Throws<ShapeException>(() => new GRU(U).Apply(x, state)).Message, StringComparison.Ordinal);
        Assert.Contains("both layers go forwards", Assert.Throws<GraftException>(() => new Bidirectional(new GRU(U), new GRU(U))).Message, StringComparison.Ordinal);
    }

    private static RecurrentLayer Make(string layer, string option)
    {
        bool bias = option != "no bias", backwards = option == "backwards";
        Activation activation = option == "relu" ? Activation.ReLU : Activation.Tanh, gates = option == "hard sigmoid" ? Activation.HardSigmoidKeras2 : Activation.Sigmoid;
        return layer switch
        {
            "simple_rnn" => new SimpleRNN(U) { UseBias = bias, GoBackwards = backwards, Activation = activation, ReturnSequences = true, ReturnState = true },
            "lstm" => new LSTM(U) { UseBias = bias, GoBackwards = backwards, Activation = activation, RecurrentActivation = gates, ReturnSequences = true, ReturnState = true },
            _ => new GRU(U)
            {
                UseBias = bias, GoBackwards = backwards, Activation = activation, RecurrentActivation = gates, ResetAfter = layer == "gru reset_after",
                ReturnSequences = true, ReturnState = true,
            },
        };
    }

    private static RecurrentFormula Formula(string layer, string option, Layer made) => new()
    {
        Layer = layer,
        Units = U,
        Kernel = made.Parameters[0].Value.ToArray(),
        RecurrentKernel = made.Parameters[1].Value.ToArray(),
        Bias = made.Parameters.Count > 2 ? made.Parameters[2].Value.ToArray() : null,
        Activation = option == "relu" ? x => Math.Max(x, 0) : Math.Tanh,
        RecurrentActivation = option == "hard sigmoid" ? x => Math.Clamp(0.2 * x + 0.5, 0, 1) : RecurrentFormula.Sigmoid,
    };

    private static Model Chain(Layer layer)
    {
        Node x = Node.Input(new Shape(T, I));
        return new Model(x, layer.Apply(x));
    }

    private static void Randomize(Model model)
    {
        int seed = 50;
        foreach (Parameter p in model.Parameters)
            p.Set(Random((int)p.Shape.Count, seed++));
    }

    private static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }

    private static float[][] Run(Model model, float[][] inputs)
    {
        using var tape = new Tape(model.Device);
        return [.. model.Run(tape, [.. inputs.Select((x, i) => tape.Constant(model.Inputs[i].Shape.Prepend(x.Length / (int)model.Inputs[i].Shape.Count), x))]).Select(y => y.ToArray())];
    }

    private static float[] Predict(Model model, float[] x) =>
        [.. model.Predict(x, model.Inputs[0].Shape.Prepend(x.Length / (int)model.Inputs[0].Shape.Count)).SelectMany(r => r)];

    private static void Near(IEnumerable<double> expected, ReadOnlySpan<float> actual)
    {
        double[] values = [.. expected];
        Assert.Equal(values.Length, actual.Length);
        for (int i = 0; i < values.Length; i++)
            Assert.True(Math.Abs(values[i] - actual[i]) <= Tolerance * Math.Max(1, Math.Abs(values[i])), $"[{i}] is {actual[i]}, expected {values[i]}.");
    }
}
