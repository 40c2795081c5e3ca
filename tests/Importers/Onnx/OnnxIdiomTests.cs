using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Inference;
using Xunit;

namespace Graft.Tests.Importers.Onnx;

/// <summary>What exporters of PyTorch and Keras write, node by node, read here and run by ONNX Runtime.</summary>
public sealed class OnnxIdiomTests : IDisposable
{
    private const double Tolerance = 3e-6; // of the output's scale; some three layers each

    private readonly TemporaryFiles _files = new();
    private readonly OnnxGraph _graph = new();
    private readonly Random _random = new(8);
    private int _opset = 17;

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_flatten_by_shape_gather_and_concat_keeps_the_samples()
    {
        string x = Input(3, 6, 5), y = Conv(x, 4, 3);
        string batch = Node("Unsqueeze", [Node("Gather", [Node("Shape", [y]), _graph.Integer(0)]), _graph.Integers(0)]);
        Check(Gemm(Node("Reshape", [y, Node("Concat", [batch, _graph.Integers(-1)], OnnxGraph.Attribute("axis", 0L))]), 4 * 4 * 3, 7), 3, 6, 5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_reshape_to_one_sample_or_any_number_is_a_flatten(int first)
    {
        string y = Conv(Input(3, 6, 5), 4, 3);
        CheckOne(Gemm(Node("Reshape", [y, _graph.Integers(first, 48)]), 48, 7), 3, 6, 5);
    }

    [Fact]
    public void GELU_SiLU_and_hard_swish_in_single_nodes_are_joined_or_computed()
    {
        string x = Conv(Input(3, 6, 5), 4, 3);
        string gelu = Node("Mul", [Node("Mul", [x, Node("Add", [Node("Erf", [Node("Div", [x, _graph.Scalar(MathF.Sqrt(2))])]), _graph.Scalar(1)])]), _graph.Scalar(0.5f)]);
        string silu = Node("Mul", [gelu, Node("Sigmoid", [gelu])]);
        string swish = Node("Div", [Node("Mul", [silu, Node("Clip", [Node("Add", [silu, _graph.Scalar(3)]), _graph.Scalar(0), _graph.Scalar(6)])]), _graph.Scalar(6)]);
        Model model = Check(swish, 3, 6, 5);
        Assert.Single(model.Layers, l => l is ActivationLayer { Activation: Activation.Gelu });
        Assert.Single(model.Layers, l => l is Permute { Name: "Conv.permute" }); // of the input alone; the output has another
    }

    [Fact]
    public void Squeeze_and_excitation_multiplies_channels()
    {
        string x = Conv(Input(3, 6, 5), 8, 3);
        string gate = Node("Sigmoid", [Conv(Node("Relu", [Conv(Node("GlobalAveragePool", [x]), 2, 1)]), 8, 1)]);
        Check(Node("ReduceMean", [Node("Mul", [x, gate])], OnnxGraph.Attribute("axes", 2, 3), OnnxGraph.Attribute("keepdims", 0L)), 3, 6, 5);
    }

    [Theory]
    [InlineData("SAME_UPPER")]
    [InlineData("SAME_LOWER")]
    [InlineData("VALID")]
    public void Padding_by_rule_is_worked_out(string rule)
    {
        string w = Weight(4, 3, 3, 2), y = Node("Conv", [Input(3, 8, 7), w], OnnxGraph.Attribute("auto_pad", rule), OnnxGraph.Attribute("strides", 2, 2));
        Check(Node("MaxPool", [y], OnnxGraph.Attribute("kernel_shape", 2, 2), OnnxGraph.Attribute("auto_pad", rule)), 3, 8, 7);
    }

    [Fact]
    public void Windows_round_up_and_count_their_padding_where_the_file_says_so()
    {
        string x = Input(3, 8, 7);
        string max = Node("MaxPool", [x], OnnxGraph.Attribute("kernel_shape", 3, 3), OnnxGraph.Attribute("strides", 2, 2), OnnxGraph.Attribute("ceil_mode", 1L));
        string mean = Node("AveragePool", [max], OnnxGraph.Attribute("kernel_shape", 2, 3), OnnxGraph.Attribute("pads", 1, 1, 0, 1), OnnxGraph.Attribute("count_include_pad", 1L));
        Check(Node("AveragePool", [mean], OnnxGraph.Attribute("kernel_shape", 2, 2), OnnxGraph.Attribute("pads", 0, 0, 1, 1)), 3, 8, 7);
    }

    [Fact]
    public void Channels_are_split_cut_picked_and_joined()
    {
        string x = Conv(Input(3, 6, 5), 8, 3), left = _graph.Free("left"), right = _graph.Free("right");
        _graph.Node("Split", "split", [x, _graph.Integers(3, 5)], [left, right], OnnxGraph.Attribute("axis", 1L));
        string part = Node("Slice", [right, _graph.Integers(1, -2), _graph.Integers(4, int.MaxValue), _graph.Integers(1, 3)]);
        string picked = Node("Gather", [part, _graph.Integers(2, 0)], OnnxGraph.Attribute("axis", 1L));
        string narrow = Node("Slice", [left, _graph.Integers(-2), _graph.Integers(int.MaxValue), _graph.Integers(-1)]);
        Check(Node("Concat", [picked, narrow], OnnxGraph.Attribute("axis", 1L)), 3, 6, 5);
    }

    [Fact]
    public void Normalisations_of_channels_and_of_features_are_known()
    {
        string x = Conv(Input(3, 6, 5), 4, 3);
        x = Node("BatchNormalization", [x, Weight(4), Weight(4), Weight(4), Positive(4)]);
        x = Node("InstanceNormalization", [x, Weight(4), Weight(4)]);
        x = Node("Transpose", [x], OnnxGraph.Attribute("perm", 0, 2, 3, 1));
        x = Node("LayerNormalization", [x, Weight(4), Weight(4)]);
        x = Gemm(Node("Flatten", [x]), 48, 6);
        Check(Node("BatchNormalization", [x, Weight(6), Weight(6), Weight(6), Positive(6)]), 3, 6, 5);
    }

    [Fact]
    public void Images_grow_by_resizing_and_by_transposed_convolutions()
    {
        string x = Node("Resize", [Input(3, 4, 5), "", Numbers(1, 1, 2, 3)], OnnxGraph.Attribute("mode", "nearest"), OnnxGraph.Attribute("coordinate_transformation_mode", "asymmetric"), OnnxGraph.Attribute("nearest_mode", "floor"));
        x = Node("ConvTranspose", [x, Weight(3, 4, 4, 3), Weight(4)], OnnxGraph.Attribute("strides", 2, 2), OnnxGraph.Attribute("pads", 1, 1, 1, 0), OnnxGraph.Attribute("output_padding", 0, 1));
        CheckOne(Node("Resize", [x, "", "", _graph.Integers(1, 4, 11, 13)], OnnxGraph.Attribute("mode", "linear"), OnnxGraph.Attribute("coordinate_transformation_mode", "half_pixel")), 3, 4, 5);
    }

    [Fact]
    public void Numbers_of_the_file_are_added_and_multiplied_along_any_axis()
    {
        string x = Conv(Input(3, 6, 5), 4, 3);
        x = Node("Mul", [Node("Add", [x, Weight(4, 1, 1)]), Weight(1, 4, 1, 1)]);
        x = Node("Sub", [_graph.Scalar(1), Node("Div", [x, Numbers(2, 4, 8)])]); // along the columns
        x = Node("Add", [x, Weight(4, 4, 3)]); // a number for each place
        x = Node("Max", [Node("Min", [Node("Neg", [x]), _graph.Scalar(2)]), _graph.Scalar(-1.5f)]);
        Check(Node("Pow", [Node("Sqrt", [Node("Abs", [x])]), _graph.Scalar(3)]), 3, 6, 5);
    }

    [Fact]
    public void Activations_with_parameters_are_known()
    {
        string x = Conv(Input(3, 6, 5), 4, 3);
        x = Node("PRelu", [x, Weight(4, 1, 1)]);
        x = Node("LeakyRelu", [x], OnnxGraph.Attribute("alpha", 0.3f));
        x = Node("Elu", [Node("Selu", [Node("Pad", [x, _graph.Integers(0, 0, 1, 0, 0, 0, 0, 2)])])], OnnxGraph.Attribute("alpha", 0.7f));
        x = Node("Softmax", [x], OnnxGraph.Attribute("axis", 1L));
        Check(Node("LogSoftmax", [x], OnnxGraph.Attribute("axis", 2L)), 3, 6, 5);
    }

    [Fact]
    public void A_recurrent_node_of_two_directions_gives_sequences_and_last_states()
    {
        string x = Node("Transpose", [Input(6, 3)], OnnxGraph.Attribute("perm", 1, 0, 2)), y = _graph.Free("Y"), h = _graph.Free("Y_h");
        _graph.Node("LSTM", "lstm", [x, Weight(2, 16, 3), Weight(2, 16, 4), Weight(2, 32)], [y, h], OnnxGraph.Attribute("hidden_size", 4L), OnnxGraph.Attribute("direction", "bidirectional"));
        string steps = Node("Reshape", [Node("Transpose", [y], OnnxGraph.Attribute("perm", 2, 0, 1, 3)), _graph.Integers(0, 0, -1)]); // [N,T,2U]
        string last = Node("Reshape", [Node("Transpose", [h], OnnxGraph.Attribute("perm", 1, 0, 2)), _graph.Integers(0, 8)]);
        Check(Node("Add", [Node("Squeeze", [Node("Slice", [steps, _graph.Integers(2), _graph.Integers(3), _graph.Integers(1)]), _graph.Integers(1)]), last]), 6, 3);
    }

    [Fact]
    public void Sequences_are_convolved_and_pooled()
    {
        string x = Node("Conv", [Input(3, 12), Weight(4, 3, 3), Weight(4)], OnnxGraph.Attribute("pads", 1, 1), OnnxGraph.Attribute("dilations", [1L]));
        x = Node("MaxPool", [Node("Relu", [x])], OnnxGraph.Attribute("kernel_shape", [3L]), OnnxGraph.Attribute("strides", [2L]), OnnxGraph.Attribute("pads", 1, 1));
        Check(Node("GlobalMaxPool", [Node("Conv", [x, Weight(4, 2, 2)], OnnxGraph.Attribute("group", 2L))]), 3, 12);
    }

    [Fact]
    public void Files_of_older_operator_sets_are_read()
    {
        _opset = 9;
        string x = Conv(Input(3, 6, 5), 4, 3);
        x = Node("Clip", [x], OnnxGraph.Attribute("min", 0f), OnnxGraph.Attribute("max", 6f));
        x = Node("Upsample", [x, Numbers(1, 1, 2, 2)], OnnxGraph.Attribute("mode", "nearest"));
        x = Node("Pad", [x], OnnxGraph.Attribute("pads", 0, 0, 1, 1, 0, 0, 0, 1), OnnxGraph.Attribute("mode", "constant"));
        x = Node("Slice", [x], OnnxGraph.Attribute("axes", [2L]), OnnxGraph.Attribute("starts", [1L]), OnnxGraph.Attribute("ends", [7L]));
        x = Node("Unsqueeze", [Node("ReduceMax", [x], OnnxGraph.Attribute("axes", 2, 3), OnnxGraph.Attribute("keepdims", 0L))], OnnxGraph.Attribute("axes", [1L]));
        x = Node("Dropout", [Node("Squeeze", [x], OnnxGraph.Attribute("axes", [1L]))], OnnxGraph.Attribute("ratio", 0.5f));
        Check(Node("Softmax", [Gemm(x, 4, 5)], OnnxGraph.Attribute("axis", 1L)), 3, 6, 5);
    }

    [Theory]
    [InlineData("Reshape", "the axis of samples must stay by itself")]
    [InlineData("MatMul", "nor two computed values")]
    [InlineData("Erf", "as a part of GELU")]
    [InlineData("Conv", "which is computed; weights of layers are numbers of the file")]
    public void What_no_layer_computes_is_refused_with_the_reason(string op, string reason)
    {
        string x = Input(4, 4);
        string y = op switch
        {
            "Reshape" => Node(op, [x, _graph.Integers(2, 2)]),
            "MatMul" => Node(op, [x, x]),
            "Erf" => Node(op, [x]),
            _ => Node(op, [x, Node("Relu", [x])]),
        };
        string path = Written(y, [4, 4]);
        string message = Assert.Throws<GraftException>(() => OnnxImport.Load(path)).Message;
        Assert.Contains($"{path}: node '{op}' ({op}): ", message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_input_of_open_size_takes_the_size_that_is_given()
    {
        _graph.Inputs.Add((_graph.Free("x"), OnnxType.Float, ["batch", "3", "height", "width"]));
        string path = Written(Node("GlobalAveragePool", [Conv("x", 4, 3, channels: 3)]), Array.Empty<string>());
        Assert.Contains("leaves extents of its input 'x float32 [batch,3,height,width]' open", Assert.Throws<GraftException>(() => OnnxImport.Load(path)).Message, StringComparison.Ordinal);
        Model model = new OnnxImport { InputShapes = new Dictionary<string, Shape> { ["x"] = new(3, 9, 8) } }.Open(path).Model;
        Assert.Equal(new Shape(4, 1, 1), model.Outputs[0].Shape);
        model.Release();
        foreach (Shape wrong in new[] { new Shape(4, 9, 8), new Shape(3, 9), new Shape(3, 9, 8, 1) }) // the file says three channels
            Assert.Contains("only extents that the file leaves open can be chosen", Assert.Throws<ShapeException>(() => new OnnxImport { InputShapes = new Dictionary<string, Shape> { ["x"] = wrong } }.Open(path)).Message, StringComparison.Ordinal);
    }

    private string Input(params int[] sample)
    {
        string name = _graph.Free("x");
        _graph.Inputs.Add((name, OnnxType.Float, ["batch", .. sample.Select(d => $"{d}")]));
        _channels = sample[0];
        return name;
    }

    private int _channels;

    private string Node(string op, string[] inputs, params ProtoMessage[] attributes) => _graph.Node(op, op, inputs, attributes);

    private string Conv(string x, int filters, int size, int channels = 0)
    {
        string y = Node("Conv", [x, Weight(filters, channels == 0 ? _channels : channels, size, size), Weight(filters)]);
        _channels = filters;
        return y;
    }

    private string Gemm(string x, int inputs, int outputs) => Node("Gemm", [x, Weight(outputs, inputs), Weight(outputs)], OnnxGraph.Attribute("transB", 1L), OnnxGraph.Attribute("alpha", 0.5f));

    private string Weight(params int[] dims) => Numbers("w", dims, () => _random.NextSingle() - 0.5f);

    private string Positive(params int[] dims) => Numbers("v", dims, () => 0.5f + _random.NextSingle());

    private string Numbers(params float[] values) => _graph.Floats("n", new Shape(values.Length), () => values);

    private string Numbers(string name, int[] dims, Func<float> draw)
    {
        var shape = new Shape(dims);
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => draw())];
        return _graph.Floats(name, shape, () => values);
    }

    private string Written(string output, string[] dims)
    {
        _graph.Outputs.Add((output, OnnxType.Float, dims.Length == 0 ? [] : ["batch", .. dims]));
        return _files.Write("idiom.onnx", new OnnxModelWriter(_graph, "idiom", _opset, []).ToArray());
    }

    private string Written(string output, int[] dims) => Written(output, [.. dims.Select(d => $"{d}")]);

    private Model Check(string output, params int[] sample) => Checked(output, 2, sample);

    private void CheckOne(string output, params int[] sample) => Checked(output, 1, sample); // a number of samples stands in the file

    private Model Checked(string output, int count, int[] sample)
    {
        _graph.Outputs.Add((output, OnnxType.Float, null));
        string path = _files.Write("idiom.onnx", new OnnxModelWriter(_graph, "idiom", _opset, []).ToArray());
        Model model = OnnxImport.Load(path);
        using var run = new OrtRun(path);
        float[] x = PlanModels.Samples(model, count);
        Shape shape = new Shape(sample).Prepend(count);
        (Shape there, float[] expected) = run.Run(shape, x);
        (Shape here, float[] actual) = model.PredictAll([(shape, x)])[0];
        Assert.Equal(there, here);
        Assert.True(PlanModels.Deviation(expected, actual) <= Tolerance, $"{PlanModels.Deviation(expected, actual)} of the scale");
        model.Release();
        return model;
    }
}
