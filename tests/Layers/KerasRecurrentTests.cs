using Graft.Autograd;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using PureHDF;
using PureHDF.VOL.Native;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>Recurrent networks with weights, inputs and outputs that Keras 1 and 2 wrote, their arrays read as they lie in the file.</summary>
[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class KerasRecurrentTests
{
    /// <summary>Float against float of the same sums, relative above 1: the outputs reach 40.</summary>
    private const float Tolerance = 1e-6f;

    [Fact]
    public void An_LSTM_of_Keras_1_gives_what_Keras_computed()
    {
        string folder = Folder("simple_lstm"), name = "simple_lstm_tf_keras_1";
        using NativeFile weights = H5File.OpenRead(Path.Combine(folder, $"{name}_weights.h5"));
        float[] Of(string part) => weights.Dataset($"lstm_1/lstm_1_{part}:0").Read<float[]>();
        float[] Gates(string part, int rows) => // one array a gate there, side by side here
            [.. Enumerable.Range(0, rows).SelectMany(r => new[] { "i", "f", "c", "o" }.SelectMany(g => Of($"{part}_{g}").AsSpan(r * 50, 50).ToArray()))];
        Model model = Build(new LSTM(50) { RecurrentActivation = Activation.HardSigmoidKeras2 });
        Set(model, "lstm", [Gates("W", 1), Gates("U", 50), Gates("b", 1)]);
        Set(model, "dense", [weights.Dataset("dense_1/dense_1_W:0").Read<float[]>(), weights.Dataset("dense_1/dense_1_b:0").Read<float[]>()]);
        Check(model, Path.Combine(folder, $"{name}_inputs_and_outputs.h5"), "inputs/lstm_input_1", "predictions/dense_1", ("lstm", "activations/lstm_1"));
    }

    [Fact]
    public void A_SimpleRNN_of_Keras_2_gives_what_Keras_computed()
    {
        string folder = Folder("simple_flatten_rnn"), name = "simple_flatten_rnn_tf_keras_2";
        using NativeFile weights = H5File.OpenRead(Path.Combine(folder, $"{name}_weights.h5"));
        Model model = Build(new SimpleRNN(50) { ReturnSequences = true }, new Flatten());
        Set(model, "simple_rnn", [.. new[] { "kernel", "recurrent_kernel", "bias" }.Select(n => weights.Dataset($"simple_rnn_1/simple_rnn_1/{n}:0").Read<float[]>())]);
        Set(model, "dense", [.. new[] { "kernel", "bias" }.Select(n => weights.Dataset($"dense_1/dense_1/{n}:0").Read<float[]>())]);
        Check(model, Path.Combine(folder, $"{name}_inputs_and_outputs.h5"), "inputs/simple_rnn_1_input", "predictions/dense_1", ("simple_rnn", "activations/simple_rnn_1"));
    }

    private static string Folder(string name) => GraftShared.Path("corpora", "dl4j-keras", "other", "examples", name);

    private static Sequential Build(params Layer[] layers)
    {
        var model = new Sequential(1, 1);
        Array.ForEach(layers, model.Add);
        model.Add(new Dense(1));
        return model;
    }

    private static void Set(Model model, string layer, float[][] values)
    {
        for (int i = 0; i < values.Length; i++)
            model.GetLayer(layer).Parameters[i].Set(values[i]);
    }

    private static void Check(Model model, string path, string input, string output, params (string Layer, string Dataset)[] inner)
    {
        using NativeFile file = H5File.OpenRead(path);
        float[] x = file.Dataset(input).Read<float[]>();
        using var tape = new Tape(model.Device);
        foreach ((string layer, string dataset) in inner.Append((model.Layers[^1].Name, output)))
        {
            var part = new Model(model.Inputs[0], model.Nodes.First(n => n.Layer.Name == layer));
            float[] y = part.Forward(tape, [tape.Constant(new Shape(x.Length, 1, 1), x)]).ToArray(), expected = file.Dataset(dataset).Read<float[]>();
            Assert.Equal(expected.Length, y.Length);
            float scale = MathF.Max(1, expected.Max(MathF.Abs)); // sums of terms of this size
            for (int i = 0; i < y.Length; i++)
                Assert.True(MathF.Abs(expected[i] - y[i]) <= Tolerance * scale, $"{layer}[{i}] is {y[i]}, Keras has {expected[i]}.");
        }
        model.Release();
    }
}
