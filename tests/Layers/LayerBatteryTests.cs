using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>One battery for all layers: shape rule, values, gradients reach the parameters, attributes survive the model file.</summary>
[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class LayerBatteryTests
{
    private static readonly Dictionary<string, (Func<Layer> Make, int[] Input)> Cases = new()
    {
        ["dense"] = (() => new Dense(4, Activation.ReLU), [3]),
        ["dense without bias"] = (() => new Dense(4) { UseBias = false }, [2, 3]),
        ["conv same stride 2"] = (() => new Conv2D(4, 3, 3) { Strides = (2, 2), Padding = Padding.Same, Activation = Activation.Tanh }, [7, 6, 3]),
        ["conv dilated groups"] = (() => new Conv2D(4, 3, 2) { Dilation = (2, 1), Groups = 2, UseBias = false }, [7, 6, 2]),
        ["conv uneven border"] = (() => new Conv2D(2, 3, 3) { ExplicitPadding = new Padding2D(1, 0, 2, 1) }, [5, 5, 2]),
        ["depthwise"] = (() => new DepthwiseConv2D(3, 3) { DepthMultiplier = 2, Padding = Padding.Same }, [5, 5, 2]),
        ["batch norm"] = (() => new BatchNormalization { Epsilon = 1e-5f, Momentum = 0.9f }, [4, 4, 3]),
        ["batch norm bare"] = (() => new BatchNormalization { Scale = false, Center = false }, [4, 4, 3]),
        ["layer norm"] = (() => new LayerNormalization { Epsilon = 1e-5f }, [5]),
        ["max pool"] = (() => new MaxPooling2D(3, 2) { Padding = Padding.Same }, [6, 5, 2]),
        ["average pool"] = (() => new AveragePooling2D(2), [6, 5, 2]),
        ["global average"] = (() => new GlobalAveragePooling2D(), [4, 5, 3]),
        ["global max"] = (() => new GlobalMaxPooling2D(), [4, 5, 3]),
        ["zero padding"] = (() => new ZeroPadding2D(new Padding2D(1, 2, 0, 3)), [3, 4, 2]),
        ["flatten"] = (() => new Flatten(), [3, 4, 2]),
        ["reshape"] = (() => new Reshape(4, -1), [2, 6]),
        ["permute"] = (() => new Permute(3, 1, 2), [2, 3, 4]),
        ["dropout"] = (() => new Dropout(0.5f), [50]),
        ["activation"] = (() => new ActivationLayer(Activation.Sigmoid), [4]),
        ["linear activation"] = (() => new ActivationLayer(Activation.Linear), [4]),
        ["relu"] = (() => new ReLU(), [4]),
        ["leaky relu"] = (() => new LeakyReLU(0.2f), [4]),
        ["softmax"] = (() => new Softmax(), [4]),
        ["softmax over an inner axis"] = (() => new Softmax(1), [4, 3, 2]),
        ["relu with all options"] = (() => new ReLU { MaxValue = 1.5f, NegativeSlope = 0.1f, Threshold = 0.5f }, [40]),
        ["relu with a largest value"] = (() => new ReLU { MaxValue = 1 }, [40]),
        ["relu with a slope"] = (() => new ReLU { NegativeSlope = 0.2f }, [40]),
        ["relu with a threshold"] = (() => new ReLU { Threshold = 0.5f }, [40]),
        ["prelu"] = (() => new PReLU(), [3, 4]),
        ["prelu of channels"] = (() => new PReLU(1, 2), [3, 4, 2]),
        ["conv transpose valid"] = (() => new Conv2DTranspose(4, 3, 2) { Strides = (2, 3), Activation = Activation.Tanh }, [4, 5, 3]),
        ["conv transpose same"] = (() => new Conv2DTranspose(2, 3, 4) { Strides = (2, 2), Padding = Padding.Same, UseBias = false }, [4, 5, 3]),
        ["conv transpose dilated"] = (() => new Conv2DTranspose(2, 3, 3) { Dilation = (2, 1) }, [4, 5, 2]),
        ["separable"] = (() => new SeparableConv2D(4, 3, 3) { DepthMultiplier = 2, Strides = (2, 2), Padding = Padding.Same, Activation = Activation.ReLU }, [6, 5, 3]),
        ["separable without bias"] = (() => new SeparableConv2D(4, 3, 2) { UseBias = false, Dilation = (1, 2) }, [6, 5, 3]),
        ["up-sampling nearest"] = (() => new UpSampling2D(2, 3), [3, 4, 2]),
        ["up-sampling bilinear"] = (() => new UpSampling2D { Interpolation = UpsampleKind.Bilinear }, [3, 4, 2]),
        ["cropping"] = (() => new Cropping2D(new Padding2D(1, 0, 0, 2)), [4, 5, 2]),
        ["global average kept as image"] = (() => new GlobalAveragePooling2D { KeepDims = true }, [4, 5, 3]),
        ["group norm"] = (() => new GroupNormalization(2) { Epsilon = 1e-5f }, [3, 4, 6]),
        ["group norm of channels, bare"] = (() => new GroupNormalization(-1) { Scale = false, Center = false }, [3, 4, 6]),
        ["layer norm of images"] = (() => new LayerNormalization { Axes = [1, 2, 3] }, [3, 4, 2]),
        ["layer norm over rows"] = (() => new LayerNormalization { Axes = [1], Center = false }, [5, 4, 2]),
        ["conv of sequences"] = (() => new Conv1D(4, 3) { Strides = 2, Padding = Padding.Same, Activation = Activation.Tanh }, [9, 3]),
        ["conv of sequences, causal"] = (() => new Conv1D(4, 3) { Dilation = 2, Padding = Padding.Causal, Groups = 2, UseBias = false }, [9, 4]),
        ["conv of sequences, wide"] = (() => new Conv1D(32, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, [24, 16]),
        ["conv of volumes"] = (() => new Conv3D(4, 2, 3, 3) { Strides = (1, 2, 1), Padding = Padding.Same, Activation = Activation.Tanh }, [4, 5, 6, 3]),
        ["conv of volumes, dilated groups"] = (() => new Conv3D(4, 2, 3, 2) { Dilation = (2, 1, 2), Groups = 2, UseBias = false }, [4, 5, 6, 2]),
        ["conv transpose of sequences"] = (() => new Conv1DTranspose(3, 4) { Strides = 2, Padding = Padding.Same, Activation = Activation.Tanh }, [5, 2]),
        ["conv transpose of sequences, more output"] = (() => new Conv1DTranspose(3, 3) { Strides = 3, OutputPadding = 2, UseBias = false }, [5, 2]),
        ["conv transpose with output padding"] = (() => new Conv2DTranspose(2, 3, 3) { Strides = (2, 2), Padding = Padding.Same, OutputPadding = (1, 0) }, [4, 5, 3]),
        ["conv transpose of volumes"] = (() => new Conv3DTranspose(3, 2, 3, 2) { Strides = (2, 2, 1), Padding = Padding.Same, Activation = Activation.Tanh }, [2, 3, 4, 2]),
        ["conv transpose of volumes, valid"] = (() => new Conv3DTranspose(2, 3, 2, 2) { Strides = (1, 2, 3), OutputPadding = (0, 1, 0), UseBias = false }, [2, 3, 4, 2]),
        ["depthwise of sequences"] = (() => new DepthwiseConv1D(3) { DepthMultiplier = 2, Strides = 2, Padding = Padding.Same }, [8, 3]),
        ["separable of sequences"] = (() => new SeparableConv1D(4, 3) { DepthMultiplier = 2, Dilation = 2, Padding = Padding.Causal, Activation = Activation.ReLU }, [8, 3]),
        ["separable, regularized"] = (() => new SeparableConv2D(4, 3, 3) { DepthwiseRegularizer = Regularizer.L1(), PointwiseRegularizer = Regularizer.L2(), BiasRegularizer = Regularizer.L2() }, [6, 5, 3]),
        ["locally connected sequences"] = (() => new LocallyConnected1D(4, 3) { Strides = 2, Activation = Activation.Tanh }, [8, 3]),
        ["locally connected images"] = (() => new LocallyConnected2D(4, 3, 2) { Strides = (1, 2), Padding = Padding.Same, UseBias = false }, [5, 6, 2]),
        ["max pool of sequences"] = (() => new MaxPooling1D(3, 2) { Padding = Padding.Same }, [8, 3]),
        ["average pool of sequences"] = (() => new AveragePooling1D(), [7, 3]),
        ["max pool of volumes"] = (() => new MaxPooling3D(2) { PoolSize = (2, 3, 2), Strides = (1, 2, 2), Padding = Padding.Same }, [4, 5, 6, 2]),
        ["average pool of volumes"] = (() => new AveragePooling3D(2, 1) { Padding = Padding.Same }, [3, 4, 5, 2]),
        ["global average of sequences"] = (() => new GlobalAveragePooling1D(), [5, 3]),
        ["global max of sequences, kept"] = (() => new GlobalMaxPooling1D { KeepDims = true }, [5, 3]),
        ["global average of volumes"] = (() => new GlobalAveragePooling3D { KeepDims = true }, [2, 3, 4, 3]),
        ["global max of volumes"] = (() => new GlobalMaxPooling3D(), [2, 3, 4, 3]),
        ["zero padding of sequences"] = (() => new ZeroPadding1D(1, 2), [4, 3]),
        ["zero padding of volumes"] = (() => new ZeroPadding3D(new Padding3D(1, 0, new Padding2D(2, 1, 0, 3))), [2, 3, 4, 2]),
        ["cropping of sequences"] = (() => new Cropping1D(1, 2), [6, 3]),
        ["cropping of volumes"] = (() => new Cropping3D(new Padding3D(1, 0, new Padding2D(0, 1, 2, 1))), [3, 4, 5, 2]),
        ["up-sampling of sequences"] = (() => new UpSampling1D(3), [4, 2]),
        ["up-sampling of volumes"] = (() => new UpSampling3D(2, 1, 3), [2, 3, 4, 2]),
        ["slice"] = (() => new Slice(2, 1, 3), [4, 5, 2]),
        ["reverse"] = (() => new Reverse(1), [4, 3]),
        ["elementwise"] = (() => new Elementwise(UnaryFormula.Clip, -0.5f, 0.7f), [40]),
        ["repeat vector"] = (() => new RepeatVector(3), [4]),
        ["elu"] = (() => new ELU(0.7f), [40]),
        ["thresholded relu"] = (() => new ThresholdedReLU(0.7f), [40]),
        ["softmax over several axes"] = (() => new Softmax(1, 3), [4, 3, 2]),
        ["unit normalization"] = (() => new UnitNormalization(), [4, 5]),
        ["unit normalization over two axes"] = (() => new UnitNormalization(1, -1), [4, 3, 2]),
        ["gated linear unit"] = (() => new ActivationLayer(Activation.GLU), [3, 6]),
        ["sparsemax"] = (() => new ActivationLayer(Activation.Sparsemax), [3, 6]),
        ["dropout of rows"] = (() => new Dropout(0.5f) { NoiseShape = [0, 1, 0] }, [6, 5]),
        ["spatial dropout of sequences"] = (() => new SpatialDropout1D(0.5f), [6, 5]),
        ["spatial dropout of images"] = (() => new SpatialDropout2D(0.5f), [3, 4, 5]),
        ["spatial dropout of volumes"] = (() => new SpatialDropout3D(0.5f), [2, 3, 4, 5]),
        ["alpha dropout"] = (() => new AlphaDropout(0.3f), [50]),
        ["gaussian dropout"] = (() => new GaussianDropout(0.3f), [50]),
        ["gaussian noise"] = (() => new GaussianNoise(0.3f), [51]),
        ["activity regularization"] = (() => new ActivityRegularization(0.1f, 0.2f), [5]),
        ["rescaling"] = (() => new Rescaling(1 / 127.5f, -1), [3, 4, 2]),
        ["rescaling of channels"] = (() => new Rescaling([0.5f, 2], [0, 1]), [3, 4, 2]),
        ["normalization"] = (() => new Normalization(), [3, 4]),
        ["normalization of places, given, inverted"] = (() => new Normalization { Axes = [1, 2], Mean = [1, 2, 3, 4, 5, 6], Variance = [1, 4, 9, 1, 0, 1], Invert = true }, [3, 2]),
        ["normalization of everything"] = (() => new Normalization { Axes = [], Mean = [0.5f], Variance = [4] }, [3, 2]),
        ["resizing"] = (() => new Resizing(5, 3) { Interpolation = ResizeInterpolation.Bicubic }, [4, 7, 2]),
        ["resizing of a part"] = (() => new Resizing(3, 6) { CropToAspectRatio = true }, [4, 5, 2]),
        ["resizing, filled up"] = (() => new Resizing(4, 8) { PadToAspectRatio = true, FillValue = 0.5f, Interpolation = ResizeInterpolation.Area }, [6, 5, 2]),
        ["center crop"] = (() => new CenterCrop(3, 2), [6, 5, 2]),
        ["center crop of a smaller image"] = (() => new CenterCrop(8, 4), [6, 5, 2]),
        ["random flip"] = (() => new RandomFlip(), [4, 5, 2]),
        ["random rotation"] = (() => new RandomRotation((-0.2f, 0.3f)) { FillMode = WarpFill.Wrap }, [4, 5, 2]),
        ["random translation"] = (() => new RandomTranslation((-0.5f, 0.5f), (0, 0.8f)) { FillMode = WarpFill.Constant, FillValue = 0.5f }, [4, 5, 2]),
        ["random zoom"] = (() => new RandomZoom((-0.4f, 0.5f), (0.1f, 0.2f)) { FillMode = WarpFill.Nearest, Interpolation = ResizeInterpolation.Nearest }, [4, 5, 2]),
        ["random zoom of both axes"] = (() => new RandomZoom((-0.4f, 0.5f)), [4, 5, 2]),
        ["random contrast"] = (() => new RandomContrast((0.3f, 0.5f)) { ValueRange = (-1.5f, 1.5f) }, [4, 5, 2]),
        ["random brightness"] = (() => new RandomBrightness((-0.3f, 0.5f)) { ValueRange = (-2, 2) }, [4, 5, 2]),
        ["random crop"] = (() => new RandomCrop(3, 2), [4, 5, 2]),
        ["random crop of a smaller image"] = (() => new RandomCrop(3, 8), [4, 5, 2]),
        ["prelu, regularized"] = (() => new PReLU(1) { AlphaRegularizer = Regularizer.L2() }, [3, 4]),
        ["regularized"] = (() => new Conv2D(2, 3, 3) { KernelRegularizer = Regularizer.L2(), BiasRegularizer = Regularizer.L1L2(0.1f, 0.2f) }, [5, 5, 2]),
        ["simple rnn"] = (() => new SimpleRNN(4), [5, 3]),
        ["simple rnn bare, backwards"] = (() => new SimpleRNN(4) { UseBias = false, GoBackwards = true, ReturnSequences = true, Activation = Activation.ReLU }, [5, 3]),
        ["lstm"] = (() => new LSTM(4), [5, 3]),
        ["lstm with all options"] = (() => new LSTM(4)
        {
            ReturnSequences = true, GoBackwards = true, RecurrentActivation = Activation.HardSigmoidKeras2, Activation = Activation.Softsign, UnitForgetBias = false,
            Dropout = 0.2f, RecurrentDropout = 0.3f, KernelRegularizer = Regularizer.L2(), RecurrentRegularizer = Regularizer.L1(), BiasRegularizer = Regularizer.L2(),
        }, [5, 3]),
        ["lstm that returns its states"] = (() => new LSTM(4) { ReturnState = true }, [5, 3]),
        ["gru"] = (() => new GRU(4) { ReturnSequences = true }, [5, 3]),
        ["gru with the reset gate before"] = (() => new GRU(4) { ResetAfter = false, RecurrentDropout = 0.25f }, [5, 3]),
        ["gru without bias"] = (() => new GRU(4) { UseBias = false, Dropout = 0.25f }, [5, 3]),
        ["stacked cells"] = (() => new RNN(new LSTMCell(4), new GRUCell(3) { ResetAfter = false }, new SimpleRNNCell(2)) { ReturnSequences = true, GoBackwards = true }, [5, 3]),
        ["stacked cells of one kind"] = (() => new RNN(new LSTMCell(4), new LSTMCell(3)) { ReturnState = true }, [5, 3]),
        ["bidirectional lstm"] = (() => new Bidirectional(new LSTM(4) { ReturnSequences = true }), [5, 3]),
        ["bidirectional gru, summed"] = (() => new Bidirectional(new GRU(4)) { MergeMode = MergeMode.Sum }, [5, 3]),
        ["bidirectional of two kinds, averaged"] = (() => new Bidirectional(new LSTM(4), new GRU(4) { GoBackwards = true }) { MergeMode = MergeMode.Ave }, [5, 3]),
        ["bidirectional simple rnn, multiplied"] = (() => new Bidirectional(new SimpleRNN(4) { ReturnSequences = true }) { MergeMode = MergeMode.Mul }, [5, 3]),
        ["bidirectional conv lstm"] = (() => new Bidirectional(new ConvLSTM2D(2, 3, 3) { Padding = Padding.Same }), [3, 5, 4, 2]),
        ["time distributed dense"] = (() => new TimeDistributed(new Dense(4, Activation.ReLU)), [5, 3]),
        ["time distributed conv"] = (() => new TimeDistributed(new Conv2D(2, 3, 3) { Strides = (2, 1) }), [2, 5, 5, 3]),
        ["time distributed lstm"] = (() => new TimeDistributed(new LSTM(2)), [2, 4, 3]),
        ["masking"] = (() => new Masking(0.5f), [5, 3]),
        ["conv lstm 1d"] = (() => new ConvLSTM1D(2, 3) { Strides = 2, Padding = Padding.Same, ReturnSequences = true }, [3, 6, 2]),
        ["conv lstm 2d"] = (() => new ConvLSTM2D(2, 3, 2) { Strides = (2, 1), ReturnSequences = true }, [3, 6, 5, 2]),
        ["conv lstm 2d with all options"] = (() => new ConvLSTM2D(2, 3, 3)
        {
            Dilation = (2, 1), UseBias = false, Dropout = 0.2f, RecurrentDropout = 0.2f, GoBackwards = true, RecurrentActivation = Activation.HardSigmoid,
            ReturnState = true, KernelRegularizer = Regularizer.L2(),
        }, [3, 6, 5, 2]),
        ["conv lstm 3d"] = (() => new ConvLSTM3D(2, 2, 2, 2) { Padding = Padding.Same, UnitForgetBias = false }, [2, 3, 4, 3, 2]),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Output_has_the_shape_that_the_rule_gives_and_the_same_numbers_on_both_kernel_sets(string name)
    {
        Model cpu = Build(name), reference = Build(name);
        reference.MoveTo(Device.Reference);
        float[] x = Input(cpu, 2);
        (Shape shape, float[] y, _) = Step(cpu, x, 2);
        (_, float[] expected, _) = Step(reference, x, 2);
        Assert.Equal(cpu.Outputs[0].Shape.Prepend(2), shape);
        AssertClose(expected, y, 1e-5f);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_trainable_parameter_gets_a_gradient_in_training_and_none_when_frozen(string name)
    {
        Model model = Build(name);
        foreach (bool trainable in new[] { true, false })
        {
            model.Trainable = trainable;
            int expected = trainable ? model.Parameters.Count(p => !p.IsStatistic) : 0;
            Assert.Equal(expected, Step(model, Input(model, 2), 2).Gradients.Length);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_plan_predicts_what_the_layer_computes_in_inference(string name)
    {
        Model model = Build(name);
        float[] x = Input(model, 3);
        using var tape = new Tape(model.Device);
        float[] expected = model.Forward(tape, [tape.Constant(model.Inputs[0].Shape.Prepend(3), x)]).ToArray();
        float[] predicted = [.. model.Predict(x, model.Inputs[0].Shape.Prepend(3)).SelectMany(row => row)];
        AssertClose(expected, predicted, 1e-5f);
        foreach (Parameter p in model.Parameters)
            p.Set([.. p.Value.ToArray().Select(v => 0.5f * v + 0.25f)]); // the plan must notice
        expected = model.Forward(tape, [tape.Constant(model.Inputs[0].Shape.Prepend(3), x)]).ToArray();
        predicted = [.. model.Predict(x, model.Inputs[0].Shape.Prepend(3)).SelectMany(row => row)];
        AssertClose(expected, predicted, 1e-5f);
        model.Release();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Attributes_survive_the_graph_json(string name)
    {
        Model model = Build(name);
        var config = new System.Text.Json.Nodes.JsonObject();
        GraphJson.Write(model, config);
        Model copy = GraphJson.Read(model.Name, config);
        Assert.Equal(model.Summary(), copy.Summary());
        foreach ((Parameter from, Parameter to) in model.Parameters.Zip(copy.Parameters))
            to.Set(from.Value.ToArray());
        float[] x = Input(model, 2);
        Assert.Equal(Step(model, x, 2).Values, Step(copy, x, 2).Values);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_step_leaves_no_block_behind(string name)
    {
        Model model = Build(name);
        float[] x = Input(model, 3);
        Step(model, x, 3); // draws the parameters, which stay
        int before = model.Device.Pool.LiveBlocks;
        Step(model, x, 3);
        Assert.Equal(before, model.Device.Pool.LiveBlocks);
    }

    internal static Model Build(string name)
    {
        Layer layer = Make(name, out Shape input);
        Node x = Node.Input(input);
        var model = new Model(x, layer.Apply(x));
        model.SetSeed(7);
        return model;
    }

    /// <summary>The layer of a case, and the shape of a sample.</summary>
    internal static Layer Make(string name, out Shape input)
    {
        (Func<Layer> make, int[] shape) = Cases[name];
        input = new Shape(shape);
        return make();
    }

    internal static float[] Input(Model model, int batch)
    {
        var random = new Random(3);
        return [.. Enumerable.Range(0, (int)model.Inputs[0].Shape.Count * batch).Select(_ => (float)(random.NextDouble() * 4 - 2))];
    }

    /// <summary>Forward and, where there is something to train, backward: the output, and the gradients of the parameters that have one.</summary>
    internal static (Shape Shape, float[] Values, float[][] Gradients) Step(Model model, float[] x, int batch)
    {
        using var tape = new Tape(model.Device) { Training = true, Seed = 11 };
        Tensor y = model.Forward(tape, [tape.Constant(model.Inputs[0].Shape.Prepend(batch), x)]);
        float[] values = y.ToArray();
        float[][] gradients = [];
        if (model.Parameters.Any(p => p.IsTrainable))
        {
            var upstream = new float[y.Count];
            upstream.AsSpan().Fill(0.5f);
            tape.Backward(y, upstream);
            gradients = [.. model.Parameters.Select(p => tape.Gradient(p.Value)?.ToArray()).OfType<float[]>()];
        }
        return (y.Shape, values, gradients);
    }

    internal static void AssertClose(float[] expected, float[] actual, float tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= tolerance * MathF.Max(1, MathF.Abs(expected[i])), $"[{i}] {actual[i]}, expected {expected[i]}");
    }
}
