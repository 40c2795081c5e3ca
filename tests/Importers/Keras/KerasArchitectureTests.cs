using System.Text.Json.Nodes;
using Graft.Importers.Keras;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.Keras;

/// <summary>Architectures in the words of all generations, channels first, shared and registered layers, and what is refused.</summary>
public sealed class KerasArchitectureTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Channels_first_computes_what_channels_last_computes_on_turned_axes()
    {
        string Net(string format, string shape, int axis) => Functional(
            Input("x", shape),
            Layer("Conv2D", "c", $$"""{"filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "data_format": "{{format}}", "activation": "relu"}""", "x"),
            Layer("BatchNormalization", "bn", $$"""{"axis": [{{axis}}], "epsilon": 0.001, "momentum": 0.9}""", "c"),
            Layer("DepthwiseConv2D", "d", $$"""{"kernel_size": [3, 3], "padding": "same", "data_format": "{{format}}"}""", "bn"),
            Layer("Add", "add", "{}", "bn", "d"),
            Layer("Concatenate", "cat", $$"""{"axis": {{axis}}}""", "add", "bn"),
            Layer("MaxPooling2D", "p", $$"""{"pool_size": [2, 2], "data_format": "{{format}}"}""", "cat"),
            Layer("Flatten", "f", $$"""{"data_format": "{{format}}"}""", "p"),
            Layer("Dense", "y", """{"units": 3, "activation": "tanh"}""", "f"));
        Model first = Build(Net("channels_first", "[null, 3, 6, 4]", 1)), last = Build(Net("channels_last", "[null, 6, 4, 3]", 3));
        foreach ((Parameter to, Parameter from) in first.Parameters.Zip(last.Parameters))
            to.Set(from.Value.ToArray());
        float[] x = Numbers(2 * 6 * 4 * 3), turned = new float[x.Length];
        for (int i = 0; i < x.Length; i++) // [n,h,w,c] to [n,c,h,w]
            turned[((i / 72 * 3) + (i % 3)) * 24 + (i % 72 / 3)] = x[i];
        Assert.Equal(last.PredictAll([(new Shape(2, 6, 4, 3), x)])[0].Values, first.PredictAll([(new Shape(2, 3, 6, 4), turned)])[0].Values);
        Assert.Single(first.Layers.OfType<Permute>()); // at the input; all that follows stays on channels last
        first.Release();
        last.Release();
    }

    [Fact]
    public void An_output_with_channels_first_stays_so()
    {
        Model model = Build(Functional(Input("x", "[null, 3, 6, 4]"), Layer("ZeroPadding2D", "y", """{"padding": [[1, 0], [2, 0]], "data_format": "channels_first"}""", "x")));
        Assert.Equal(new Shape(3, 7, 6), model.Outputs[0].Shape);
    }

    [Fact]
    public void Shared_layers_and_uses_by_number_are_told_apart()
    {
        // 'd' is used twice; its second use and the first are joined, and both are outputs
        string json = $$$"""
            {"class_name": "Model", "keras_version": "2.3.1", "config": {"name": "m", "layers": [
              {{{Input("a", "[null, 2]")}}}, {{{Input("b", "[null, 2]")}}},
              {"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 2}, "inbound_nodes": [[["a", 0, 0, {}]], [["b", 0, 0, {}]]]},
              {"class_name": "Subtract", "name": "s", "config": {"name": "s"}, "inbound_nodes": [[["d", 1, 0, {}], ["d", 0, 0, {}]]]}],
             "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["s", 0, 0], ["d", 1, 0]]}}
            """;
        KerasModel built = Open(json);
        Assert.Equal(["a", "b"], built.InputNames);
        Assert.Equal(["s", "d"], built.OutputNames);
        Model model = built.Model;
        Assert.Equal(2, model.Parameters.Count);
        model.Parameters[0].Set([1, 0, 0, 1]);
        (Shape Shape, float[] Values)[] y = model.PredictAll([(new Shape(1, 2), [1, 2]), (new Shape(1, 2), [10, 20])]);
        Assert.Equal([9, 18], y[0].Values);
        Assert.Equal([10, 20], y[1].Values);
        model.Release();
    }

    [Fact]
    public void Keras_1_says_the_same_in_other_words()
    {
        string old = """
            {"class_name": "Sequential", "keras_version": "1.2.2", "config": [
              {"class_name": "Convolution2D", "config": {"name": "c", "nb_filter": 4, "nb_row": 3, "nb_col": 2, "border_mode": "same", "subsample": [2, 1], "dim_ordering": "tf", "bias": true,
                "activation": "relu", "init": "glorot_uniform", "W_regularizer": {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.01}, "b_regularizer": null, "batch_input_shape": [null, 6, 4, 3]}},
              {"class_name": "Dropout", "config": {"name": "o", "p": 0.25}}, {"class_name": "Flatten", "config": {"name": "f"}},
              {"class_name": "Dense", "config": {"name": "d", "output_dim": 5, "input_dim": 48, "activation": "hard_sigmoid", "bias": false}}]}
            """;
        Model model = Open(old).Model;
        Conv2D conv = Assert.IsType<Conv2D>(model.GetLayer("c"));
        Assert.Equal((4, (3, 2), (2, 1), Padding.Same), (conv.Filters, conv.FilterSize, conv.Strides, conv.Padding));
        Assert.Equal(0.01f, conv.KernelRegularizer!.FactorL2);
        Assert.Equal(0.25f, Assert.IsType<Dropout>(model.GetLayer("o")).Rate);
        Dense dense = Assert.IsType<Dense>(model.GetLayer("d"));
        Assert.Equal((5, Activation.HardSigmoidKeras2, false), (dense.Units, dense.Activation, dense.UseBias));
    }

    [Fact]
    public void A_Sequential_of_Keras_1_that_joins_models_is_a_graph_with_an_input_each()
    {
        string branch(string name, int width) => $$$"""{"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"name": "{{{name}}}", "output_dim": 3, "bias": true, "batch_input_shape": [null, {{{width}}}]}}]}""";
        KerasModel built = Open($$$"""
            {"class_name": "Sequential", "keras_version": "1.0.8", "config": [
              {"class_name": "Merge", "config": {"name": "merge_1", "mode": "concat", "concat_axis": -1, "layers": [{{{branch("a", 2)}}}, {{{branch("b", 4)}}}]}},
              {"class_name": "Dense", "config": {"name": "c", "output_dim": 5}}]}
            """);
        Assert.Equal([new Shape(2), new Shape(4)], built.Model.Inputs.Select(i => i.Shape));
        Assert.Equal(new Shape(5), built.Model.Outputs[0].Shape);
        Assert.Equal(new Shape(6, 5), built.Model.GetLayer("c").Parameters[0].Shape);
    }

    [Fact]
    public void A_Lambda_is_refused_by_name_and_a_registered_layer_takes_its_place()
    {
        string json = Functional(Input("x", "[null, 4]"), Layer("Lambda", "twice", """{"function": ["4wEAAAA=", null, null], "function_type": "lambda"}""", "x"));
        GraftException e = Assert.Throws<GraftException>(() => Build(json));
        Assert.Contains("layer 'twice' (Lambda) is Python bytecode, which is never run here. KerasImport.Register(\"twice\"", e.Message, StringComparison.Ordinal);
        foreach (string name in new[] { "twice", "Lambda" })
        {
            Model model = new KerasImport().Register(name, _ => new Lambda((tape, x) => tape.Run(new UnaryOp(UnaryFormula.Scale, 2), x))).Build(_files.Write("m.json", System.Text.Encoding.UTF8.GetBytes(json))).Model;
            Assert.Equal([2, 4, 6, 8], model.PredictAll([(new Shape(1, 4), [1, 2, 3, 4])])[0].Values);
            model.Release();
        }
    }

    [Fact]
    public void Operations_in_the_graph_that_preprocess_input_leaves_are_built()
    {
        string op(string name, string function, string inputs) => $$"""{"name": "{{name}}", "class_name": "TFOpLambda", "config": {"name": "{{name}}", "trainable": true, "function": "{{function}}"}, "inbound_nodes": [{{inputs}}]}""";
        Model model = Build(Functional(Input("x", "[null, 2]"),
            op("div", "math.truediv", """["x", 0, 0, {"y": 2.0, "name": null}]"""), op("sub", "math.subtract", """["div", 0, 0, {"y": 1.0}]"""),
            op("neg", "math.subtract", """["_CONSTANT_VALUE", -1, 3.0, {"y": ["sub", 0, 0]}]"""), op("mul", "math.multiply", """["neg", 0, 0, {"y": [1.0, 10.0]}]"""),
            op("both", "math.add", """["mul", 0, 0, {"y": ["x", 0, 0]}]"""), op("y", "nn.relu", """["both", 0, 0, {"name": null}]""")));
        Assert.Equal([5, 24], model.PredictAll([(new Shape(1, 2), [2, 4])])[0].Values); // (3 - (x / 2 - 1)) (1, 10) + x
        GraftException e = Assert.Throws<GraftException>(() => Build(Functional(Input("x", "[null, 2]"), op("y", "linalg.det", """["x", 0, 0, {}]"""))));
        Assert.Contains("layer 'y' (TFOpLambda) is the operation 'linalg.det' on [2], which is not built here", e.Message, StringComparison.Ordinal);
        model.Release();
    }

    [Theory]
    [InlineData("Dense", """{"units": 3, "nonsense": 7}""", "layer 'y' (Dense): nonsense = 7: is not known for this class")]
    [InlineData("Dense", """{"units": "three"}""", "layer 'y' (Dense): units is \"three\"; a whole number is due")]
    [InlineData("Dense", """{"activation": "relu"}""", "layer 'y' (Dense) has no attribute 'units'")]
    [InlineData("Dense", """{"units": 3, "activation": "my_activation"}""", "layer 'y' (Dense): activation = \"my_activation\": is no activation that is known here")]
    [InlineData("Conv1D", """{"filters": 2, "kernel_size": [2], "padding": "full"}""", "layer 'y' (Conv1D): padding = \"full\"")]
    [InlineData("BatchNormalization", """{"renorm": true}""", "layer 'y' (BatchNormalization): renorm = true: batch renormalisation is not built here")]
    [InlineData("BatchNormalization", """{"axis": [1, 2]}""", "axis = [1,2]: several axes")]
    [InlineData("MyLayer", "{}", "is of class 'MyLayer', which is not known here")]
    [InlineData("Conv2D", """{"filters": 2, "kernel_size": [2, 2]}""", "layer 'y' (Conv2D) cannot take [5,4]")]
    public void What_cannot_be_built_is_refused_with_layer_class_and_attribute(string kind, string config, string part)
    {
        GraftException e = Assert.ThrowsAny<GraftException>(() => Build(Functional(Input("x", "[null, 5, 4]"), Layer(kind, "y", config, "x"))));
        Assert.Contains(part, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_extents_are_asked_for_and_given_by_name()
    {
        string path = _files.Write("m.json", System.Text.Encoding.UTF8.GetBytes(Functional(Input("x", "[null, null, 4]"), Layer("Dense", "y", """{"units": 3}""", "x"))));
        Assert.True(KerasImport.HoldsArchitecture(path));
        Assert.Equal("x", KerasImport.InputsOf(path)[0].Name);
        Assert.Equal([null, 4], KerasImport.InputsOf(path)[0].Shape!);
        Assert.Contains("input 'x' has shape [none,4], which leaves an extent open", Assert.Throws<GraftException>(() => new KerasImport().Build(path)).Message, StringComparison.Ordinal);
        Assert.Equal(new Shape(7, 3), new KerasImport { InputShapes = new Dictionary<string, Shape> { ["x"] = new(7, 4) } }.Build(path).Model.Outputs[0].Shape);
        Assert.Contains("cannot take [7,5]", Assert.Throws<GraftException>(() => new KerasImport { InputShapes = new Dictionary<string, Shape> { ["x"] = new(7, 5) } }.Build(path)).Message, StringComparison.Ordinal);
        Assert.Contains("has no input 'z'", Assert.Throws<GraftException>(() => new KerasImport { InputShapes = new Dictionary<string, Shape> { ["z"] = new(7, 4) } }.Build(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"class_name\": \"Sequential\"}", "has no 'config'")]
    [InlineData("{\"class_name\": \"MyNet\", \"config\": {\"a\": 1}}", "a class of its author's own")]
    [InlineData("{\"class_name\": ", "is not JSON")]
    [InlineData("{\"class_name\": \"Functional\", \"config\": {\"layers\": [], \"input_layers\": [], \"output_layers\": []}}", "has no inputs or no outputs")]
    public void Text_that_is_no_model_is_told(string json, string part) => Assert.Contains(part, Assert.Throws<GraftException>(() => Build(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Numbers_that_JSON_has_no_word_for_are_read_as_Python_writes_them()
    {
        Model model = Build(Functional(Input("x", "[null, 2, 2]"), Layer("Masking", "m NaN", """{"mask_value": NaN}""", "x"), Layer("ReLU", "y", """{"max_value": Infinity, "name": "Infinity \" NaN"}""", "m NaN")));
        Assert.True(float.IsNaN(Assert.IsType<Masking>(model.GetLayer("m NaN")).MaskValue));
        Assert.Equal(float.PositiveInfinity, Assert.IsType<ReLU>(model.GetLayer("y")).MaxValue);
    }

    private Model Build(string json) => Open(json).Model;

    private KerasModel Open(string json) => new KerasImport().Build(_files.Write("model.json", System.Text.Encoding.UTF8.GetBytes(json)));

    private static string Functional(params string[] layers)
    {
        string first = (string)JsonNode.Parse(layers[0])!["name"]!, last = layers[^1].Split("\"name\": \"")[1].Split('"')[0];
        return $$$"""{"class_name": "Functional", "keras_version": "2.9.0", "config": {"name": "m", "layers": [{{{string.Join(", ", layers)}}}], "input_layers": [["{{{first}}}", 0, 0]], "output_layers": [["{{{last}}}", 0, 0]]}}""";
    }

    private static string Input(string name, string shape) => $$"""{"name": "{{name}}", "class_name": "InputLayer", "config": {"name": "{{name}}", "batch_input_shape": {{shape}}, "dtype": "float32"}, "inbound_nodes": []}""";

    private static string Layer(string kind, string name, string config, params string[] inputs) =>
        $$"""{"name": "{{name}}", "class_name": "{{kind}}", "config": {{config}}, "inbound_nodes": [[{{string.Join(", ", inputs.Select(i => $"[\"{i}\", 0, 0, {{}}]"))}}]]}""";

    private static float[] Numbers(int count)
    {
        var random = new Random(5);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextDouble() - 0.5f)];
    }
}
