using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Graph;

/// <summary>Models that begin at an inner node of another.</summary>
public sealed class GraphCutTests
{
    private static readonly float[] s_sample = [0.5f, -1, 2, 0.25f];

    [Fact]
    public void A_decoder_is_cut_off_the_autoencoder_that_it_was_learned_in()
    {
        using var files = new TemporaryFiles();
        Node x = Node.Input(new Shape(4), "x"), code = new Dense(2, Activation.Tanh) { Name = "code" }.Apply(x);
        Node hidden = new Dense(3, Activation.ReLU) { Name = "hidden" }.Apply(code);
        var whole = new Model(x, new Dense(4) { Name = "out" }.Apply(new Concatenate().Apply(hidden, code)));
        var encoder = new Model(x, code, "encoder");
        var decoder = new Model(code, whole.Outputs[0], "decoder");
        float[] y = whole.Predict(s_sample, new Shape(1, 4))[0], z = encoder.Predict(s_sample, new Shape(1, 4))[0];
        Assert.Equal("code_output", decoder.Inputs[0].Layer.Name);
        Assert.Equal(new Shape(2), decoder.Inputs[0].Shape);
        Assert.Equal(y, decoder.Predict(z, new Shape(1, 2))[0]);
        ModelFile.Save(decoder, files["decoder.graft"]);
        Assert.Equal(y, ModelFile.Load(files["decoder.graft"]).Model.Predict(z, new Shape(1, 2))[0]);

        whole.Compile(new Sgd(0.1f), Loss.MeanSquaredError());
        whole.Fit(new ArrayBatches(s_sample, new Shape(4), s_sample, new Shape(4), LabelKind.Values), epochs: 1);
        Assert.NotEqual(y, decoder.Predict(z, new Shape(1, 2))[0]); // the weights are the same ones
        Assert.Equal(whole.Predict(s_sample, new Shape(1, 4))[0], decoder.Predict(encoder.Predict(s_sample, new Shape(1, 4))[0], new Shape(1, 2))[0]);
        whole.Release();
    }

    [Fact]
    public void One_of_several_results_of_a_layer_may_be_where_a_model_begins()
    {
        Node x = Node.Input(new Shape(3, 2), "x"), sequence = new LSTM(2) { ReturnSequences = true, ReturnState = true, Name = "lstm" }.Apply(x);
        Node sum = new Add { Name = "sum" }.Apply(sequence.Outputs[1], sequence.Outputs[2]);
        var whole = new Model([x], [sum, sequence.Outputs[1], sequence.Outputs[2]]);
        var tail = new Model([sequence.Outputs[1], sequence.Outputs[2]], [sum]);
        (Shape, float[])[] y = whole.PredictAll([(new Shape(1, 3, 2), [1, 2, 3, 4, 5, 6])]);
        Assert.Equal(y[0].Item2, tail.PredictAll([y[1], y[2]])[0].Values);
        whole.Release();
    }

    [Fact]
    public void An_input_that_is_needed_beside_the_cut_is_asked_for()
    {
        Node x = Node.Input(new Shape(4), "x"), code = new Dense(4) { Name = "code" }.Apply(x), y = new Add().Apply(code, x);
        Assert.Contains("depends on input 'x' [4]", Assert.Throws<GraftException>(() => new Model(code, y)).Message, StringComparison.Ordinal);
        var both = new Model([code, x], [y]);
        Assert.Equal([2f, 4, 6, 8], both.PredictAll([(new Shape(1, 4), [1, 2, 3, 4]), (new Shape(1, 4), [1, 2, 3, 4])])[0].Values);
    }
}
