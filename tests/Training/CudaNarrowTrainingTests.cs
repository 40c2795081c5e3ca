using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;
using Graft.Tests.CudaEmulator;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Training steps in 16 bits on the emulated GPU: what convolutional networks keep in 16 bits, which numbers that gives, and what is converted.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaNarrowTrainingTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int Height = 7, Width = 6, Channels = 8;

    private static readonly Shape s_images = new(2, Height, Width, Channels), s_channels = new(Channels);

    // Each reads the convolution's result, and perhaps constants of float32: in 16 bits, or as float32 through a conversion.
    private static readonly Dictionary<string, (Func<Op[]> Ops, bool IsNarrow)> s_ops = new()
    {
        ["ReLU"] = (() => [new UnaryOp(UnaryFormula.ReLU)], true),
        ["ReLU6"] = (() => [new UnaryOp(UnaryFormula.ReLUMax, 0.5f)], true),
        ["leaky ReLU"] = (() => [new UnaryOp(UnaryFormula.LeakyReLU, 0.25f)], true),
        ["swish"] = (() => [new UnaryOp(UnaryFormula.SiLU)], true),
        ["max pooling"] = (() => [new Pool2DOp(PoolKind.Max, 3, 3, 2, 2, Padding2D.All(1))], true),
        ["average pooling"] = (() => [new Pool2DOp(PoolKind.Average, 2, 2, 2, 2, Padding2D.None)], true),
        ["padding"] = (() => [new Pad2DOp(new Padding2D(1, 0, 2, 1))], true),
        ["mean of an image"] = (() => [new ReduceOp(ReduceFormula.Mean, [1, 2])], true),
        ["view, then ReLU"] = (() => [new ReshapeOp(2, -1), new UnaryOp(UnaryFormula.ReLU)], true),
        ["padding, then pooling"] = (() => [new Pad2DOp(Padding2D.All(1)), new Pool2DOp(PoolKind.Max, 2, 2, 2, 2, Padding2D.None)], true),
        ["scale"] = (() => [new UnaryOp(UnaryFormula.Scale, 0.375f)], true),
        ["ReLU, then tanh"] = (() => [new UnaryOp(UnaryFormula.ReLU), new UnaryOp(UnaryFormula.Tanh)], true),
        ["dropout"] = (() => [new DropoutOp(0.25f, 7)], true),
        ["part of the channels"] = (() => [new SliceOp(3, 2, 4)], true),
        ["nearest pixels"] = (() => [new Upsample2DOp(UpsampleKind.Nearest, 2, 3)], true),
        ["pixels between"] = (() => [new Upsample2DOp(UpsampleKind.Bilinear, 2, 2)], true),
        ["sigmoid"] = (() => [new UnaryOp(UnaryFormula.Sigmoid)], false),
        ["sum of all"] = (() => [new ReduceOp(ReduceFormula.Sum, [1, 2])], false),
        ["largest of an image"] = (() => [new ReduceOp(ReduceFormula.Max, [1, 2])], false),
        ["means of rows"] = (() => [new ReduceOp(ReduceFormula.Mean, [2])], false),
        ["permuted axes"] = (() => [new PermuteOp(0, 3, 1, 2)], false),
        ["ReLU, then sigmoid, then ReLU"] = (() => [new UnaryOp(UnaryFormula.ReLU), new UnaryOp(UnaryFormula.Sigmoid), new UnaryOp(UnaryFormula.ReLU)], false),
    };

    public static TheoryData<string, ComputePrecision> Ops
    {
        get
        {
            var data = new TheoryData<string, ComputePrecision>();
            foreach (string name in s_ops.Keys)
            {
                data.Add(name, ComputePrecision.BFloat16);
                data.Add(name, ComputePrecision.Float16);
            }
            return data;
        }
    }

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(Ops))]
    public void Ops_behind_a_convolution_give_the_references_numbers_rounded(string name, ComputePrecision precision)
    {
        emulator.Begin($"{name} {precision}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu();
        (Func<Op[]> ops, bool isNarrow) = s_ops[name];
        Tensor Chain(Tape tape, Tensor x) => ops().Aggregate(x, (t, op) => tape.Run(op, t));
        // A rounding of each result and gradient; in a chain the first ones are rounded twice, and slopes below 1 follow from rounded numbers.
        Compare(gpu.Device, precision, Chain, isNarrow, roundings: ops().Length);
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Batch_normalisations_with_what_they_fuse_give_the_references_numbers_rounded(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Batch_normalisations_with_what_they_fuse_give_the_references_numbers_rounded)} {precision}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu();
        foreach (bool training in new[] { true, false })
        {
            foreach (FusedActivation activation in Enum.GetValues<FusedActivation>())
            {
                foreach (bool hasResidual in activation == FusedActivation.None ? [false] : new[] { false, true })
                {
                    // Shifts far from the activation's corners, which roundings must not cross.
                    Tensor Norm(Tape tape, Tensor x)
                    {
                        Tensor Channel(float from, float to) => tape.Constant(s_channels, [.. Enumerable.Range(0, Channels).Select(c => c % 2 == 0 ? from : to)]);
                        Tensor[] inputs = [x, Channel(0.5f, 0.25f), Channel(3, -3), Channel(0, 0.5f), Channel(1, 2)];
                        return tape.Run(new BatchNormOp(1e-3f, 0.9f, training, activation: activation), hasResidual ? [.. inputs, x] : inputs);
                    }
                    // The gradient of normalised numbers is made of sums and differences: roundings of numbers that may be larger than what is left.
                    Compare(gpu.Device, precision, Norm, isNarrow: true, roundings: hasResidual ? 3 : 2);
                }
            }
        }
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Layers_with_weights_and_joined_parts_give_the_references_numbers_rounded(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Layers_with_weights_and_joined_parts_give_the_references_numbers_rounded)} {precision}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu();
        static Tensor Weight(Tape tape, params int[] dims) => tape.Constant(new Shape(dims), [.. Enumerable.Range(0, (int)new Shape(dims).Count).Select(i => (i * 5 % 7 - 3) / 8f)]); // that rounding leaves as they are
        static Tensor Depthwise(Tape tape, Tensor x) => tape.Run(new DepthwiseConv2DOp(2, 1, 1, 1, Padding2D.All(1)), x, Weight(tape, 3, 3, Channels, 2), Weight(tape, 2 * Channels));
        static Tensor Transposed(Tape tape, Tensor x) => tape.Run(new Conv2DTransposeOp(2 * Height, 2 * Width, 2, 2, 1, 1, Padding2D.None), x, Weight(tape, Channels, 2, 2, 6));
        static Tensor Joined(Tape tape, Tensor x) => tape.Run(new ConcatOp(3), x, tape.Run(new UnaryOp(UnaryFormula.ReLU), x));
        static Tensor Normalised(Tape tape, Tensor x) => tape.Run(new LayerNormOp(1e-5f), x, Weight(tape, Channels), Weight(tape, Channels));
        static Tensor Dense(Tape tape, Tensor x) => tape.Run(new DenseOp(), x, Weight(tape, Channels, 5), Weight(tape, 5));
        static Tensor Product(Tape tape, Tensor x) => tape.Run(new MatMulOp(transposeB: true), x, Weight(tape, 5, Channels));
        // 5 or 6 channels are no multiple of 8: on hardware a library may bring them into a form that is one, in 16 bits, and round once more.
        int library = CudaEmulator.CudaEmulator.UsesHardware ? 1 : 0;
        foreach ((Func<Tape, Tensor, Tensor> op, int roundings) in new (Func<Tape, Tensor, Tensor>, int)[]
        {
            (Depthwise, 1), (Transposed, 1 + library), (Joined, 3), (Normalised, 1), (Dense, 1 + library), (Product, 1 + library),
        })
            Compare(gpu.Device, precision, op, isNarrow: true, roundings); // of parts that are joined, two gradients are rounded, and their sum
        // What has a second reader adds to a gradient that is there.
        foreach ((Func<Tape, Tensor, Tensor> op, int more) in new (Func<Tape, Tensor, Tensor>, int)[] { (Depthwise, 0), (Transposed, 2 * library), (Normalised, 0), (Dense, 2 * library), (Product, 2 * library) })
            Compare(gpu.Device, precision, (tape, x) => tape.Run(new ConcatOp(0), op(tape, x), op(tape, x)), isNarrow: true, roundings: 3 + more);
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Gradients_of_a_tensor_with_several_readers_are_added_in_its_type(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Gradients_of_a_tensor_with_several_readers_are_added_in_its_type)} {precision}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu();
        // A shortcut beside a pooling that does not shrink, a padding that is cut off, and a sigmoid on float32.
        static Tensor Branches(Tape tape, Tensor x)
        {
            Tensor pooled = tape.Run(new Pool2DOp(PoolKind.Average, 3, 3, 1, 1, Padding2D.All(1)), x), sum = tape.Run(new BinaryOp(BinaryFormula.Add), pooled, x);
            return tape.Run(new BinaryOp(BinaryFormula.Add), tape.Run(new UnaryOp(UnaryFormula.LeakyReLU, 0.5f), sum), tape.Run(new UnaryOp(UnaryFormula.Sigmoid), x));
        }
        // Forward: pooled, sum and ReLU; the last sum is float32, as the sigmoid is. Backward as many, and what goes into the ReLU and out of the sigmoid.
        Compare(gpu.Device, precision, Branches, isNarrow: false, roundings: 6);
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void A_residual_network_runs_on_16_bits_alone_and_holds_half_the_memory(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(A_residual_network_runs_on_16_bits_alone_and_holds_half_the_memory)} {precision}");
        using var gpu = new EmulatedGpu();
        MemoryReport exact = Train(gpu.Device, ComputePrecision.Float32, CudaTrainingTests.SmallResNet()).Report;
        Assert.True(emulator.Counter("launches:batch_norm_forward") > 0);
        emulator.ResetCounters();
        MemoryReport narrow = Train(gpu.Device, precision, CudaTrainingTests.SmallResNet()).Report;
        foreach (string kernel in new[] { "batch_norm_moments", "batch_norm_forward", "batch_norm_add_forward", "batch_norm_gradient_sums", "batch_norm_gated_gradient_sums", "batch_norm_backward", "batch_norm_gated_backward" })
            Assert.Equal((0UL, true), (emulator.Counter($"launches:{kernel}"), emulator.Counter($"launches:{kernel}_{precision.Word()}") > 0));
        // The first convolution's input is the plan's in float32, and rounded here; the head, the mean of 16 channels and on, and statistics are float32.
        static long Inner(MemoryReport report) => report.TotalKeptBytes - report.KeptBytes.GetValueOrDefault("conv2d");
        Assert.InRange(Inner(narrow) / (double)Inner(exact), 0.5, 0.51);
        Assert.Contains(narrow.Tensors, t => t.Use == MemoryUse.Activation && t.Path.EndsWith("/Conv2D", StringComparison.Ordinal) && t.Bytes == 2 * t.Shape.Count);
        Assert.All(narrow.Tensors.Where(t => t.Use is MemoryUse.Parameter or MemoryUse.Gradient or MemoryUse.OptimizerSlot), t => Assert.Equal(4 * t.Shape.Count, t.Bytes));
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Gradient_checkpointing_of_a_residual_network_changes_no_bit(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Gradient_checkpointing_of_a_residual_network_changes_no_bit)} {precision}");
        using var gpu = new EmulatedGpu();
        float[] weights = Train(gpu.Device, precision, WithDropout()).Weights;
        foreach (int every in new[] { 1, 2, 3 })
            Assert.Equal(weights, Train(gpu.Device, precision, WithDropout(), every).Weights);
        static Model WithDropout() // a stretch of float32 between convolutions
        {
            Node input = Node.Input(new Shape(16, 15, 3), "image");
            Node x = new ReLU().Apply(new BatchNormalization().Apply(new Conv2D(8, 3, 3) { Padding = Padding.Same }.Apply(input)));
            x = new MaxPooling2D().Apply(new Dropout(0.25f).Apply(x));
            x = new ReLU().Apply(new Add().Apply(new BatchNormalization().Apply(new Conv2D(8, 3, 3) { Padding = Padding.Same }.Apply(x)), x));
            x = new Conv2D(6, 3, 3) { Activation = Activation.Sigmoid }.Apply(x);
            return new Model(input, new Dense(3, Activation.Softmax).Apply(new Flatten().Apply(x)));
        }
    }

    [Fact]
    public void Behind_a_frozen_base_the_boundary_is_rounded_once()
    {
        emulator.Begin(nameof(Behind_a_frozen_base_the_boundary_is_rounded_once));
        using var gpu = new EmulatedGpu();
        Node input = Node.Input(new Shape(16, 15, 3), "image");
        Node x = new Conv2D(8, 3, 3) { Name = "frozen", Trainable = false, Activation = Activation.ReLU }.Apply(input);
        Node branch = new BatchNormalization().Apply(new Conv2D(8, 3, 3) { Padding = Padding.Same }.Apply(x));
        x = new ReLU().Apply(new Add().Apply(branch, x)); // the boundary is read by the convolution and by the sum
        Model model = new(input, new Dense(3, Activation.Softmax).Apply(new GlobalAveragePooling2D().Apply(x)));
        (_, MemoryReport report) = Train(gpu.Device, ComputePrecision.BFloat16, model);
        Assert.Single(report.Tensors, t => t.Use == MemoryUse.Activation && t.Path.StartsWith("conv2d", StringComparison.Ordinal)); // kept for the weight: its rounded input, and nothing else
        Assert.True(emulator.Counter("launches:batch_norm_add_forward_bf16") > 0);
    }

    [Fact]
    public void Without_cudnn_activations_stay_float32()
    {
        emulator.Begin(nameof(Without_cudnn_activations_stay_float32));
        using var gpu = new EmulatedGpu(usesCudnn: false);
        Train(gpu.Device, ComputePrecision.BFloat16, CudaTrainingTests.SmallResNet());
        Assert.Equal((true, 0UL), (emulator.Counter("launches:batch_norm_forward") > 0, emulator.Counter("launches:batch_norm_forward_bf16")));
    }

    [Fact]
    public void A_model_that_ends_in_a_convolution_learns_and_its_outputs_are_read()
    {
        emulator.Begin(nameof(A_model_that_ends_in_a_convolution_learns_and_its_outputs_are_read));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(6, 5, 3) { new Conv2D(4, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new Conv2D(1, 6, 5), new Flatten() };
        model.SetSeed(1);
        model.MoveTo(gpu.Device);
        model.Compile(new Adam(0.02f), Loss.BinaryCrossEntropy(fromLogits: true), Metric.BinaryAccuracy); // logits of 16 bits
        var random = new Random(1);
        float[] images = [.. Enumerable.Range(0, 8 * 90).Select(_ => random.NextSingle() - 0.5f)], labels = [.. Enumerable.Range(0, 8).Select(i => images.AsSpan(90 * i, 90).ToArray().Sum() > 0 ? 1f : 0)];
        var data = new ArrayBatches(images, new Shape(6, 5, 3), labels, new Shape(1), LabelKind.Binary, batchSize: 8, shuffleSeed: null);
        History history = model.Fit(data, 12, options: new FitOptions { Precision = ComputePrecision.Float16 });
        Assert.True(history.Last("loss") < 0.6 * history["loss"][0], $"{history["loss"][0]} to {history.Last("loss")}");
        Assert.Equal(1, history.Last("binary_accuracy"));
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void A_steady_step_takes_no_memory_and_waits_once()
    {
        emulator.Begin(nameof(A_steady_step_takes_no_memory_and_waits_once));
        using var gpu = new EmulatedGpu(isOneToOne: false);
        Model model = Prepared(gpu.Device, CudaTrainingTests.SmallResNet());
        List<(ulong Allocations, ulong Waits)> steps = [];
        model.Fit(CudaTrainingTests.Data(new Shape(16, 15, 3), classes: 3, samples: 32, batch: 4), 1, options: new FitOptions
        {
            Precision = ComputePrecision.BFloat16,
            Callbacks = [new LambdaCallback { BatchEnd = (_, _) => steps.Add((emulator.Counter("allocations"), emulator.Counter("synchronisations"))) }],
        });
        for (int i = 4; i < steps.Count; i++)
            Assert.Equal((0UL, 1UL), (steps[i].Allocations - steps[i - 1].Allocations, steps[i].Waits - steps[i - 1].Waits));
        model.Optimizer!.Dispose();
        model.Release();
    }

    [Fact]
    public void A_bottleneck_moves_little_more_than_half_the_bytes_of_TF32()
    {
        emulator.BeginEmulated(nameof(A_bottleneck_moves_little_more_than_half_the_bytes_of_TF32), "it counts bytes");
        (emulator.Checked, emulator.Progress) = (true, EmulatorProgress.AtOnce);
        using var gpu = new EmulatedGpu(isOneToOne: false);
        (long Bytes, long Calls) One(ComputePrecision precision)
        {
            (long Bytes, long Calls) one = Step(1, precision), two = Step(2, precision);
            return (two.Bytes - one.Bytes, two.Calls - one.Calls);
        }
        (long bytes, _) = One(ComputePrecision.TF32); // the same routines on float32
        (long narrowBytes, long narrowCalls) = One(ComputePrecision.BFloat16);
        Assert.InRange(narrowBytes / (double)bytes, 0.5, 0.56); // half, and copies of weights in 16 bits
        Assert.Equal(29, narrowCalls);

        // Of the last step, when everything is there: all that kernels, libraries and copies read and wrote, each byte once a call.
        (long Bytes, long Calls) Step(int blocks, ComputePrecision precision)
        {
            const int side = 12, filters = 16;
            static Node Norm(Node x, int filters, int size) => new BatchNormalization().Apply(new Conv2D(filters, size, size) { Padding = Padding.Same, UseBias = false }.Apply(x));
            Node input = Node.Input(new Shape(side, side, 8)), x = new ReLU().Apply(Norm(input, 4 * filters, 1));
            for (int i = 0; i < blocks; i++)
                x = new ReLU().Apply(new Add().Apply(Norm(new ReLU().Apply(Norm(new ReLU().Apply(Norm(x, filters, 1)), filters, 3)), 4 * filters, 1), x));
            Model model = Prepared(gpu.Device, new Model(input, new Dense(3, Activation.Softmax).Apply(new GlobalAveragePooling2D().Apply(x))));
            List<(ulong Bytes, ulong Calls)> steps = [];
            ulong Calls() => emulator.Counter("launches") + emulator.Counter("cublas_calls") + emulator.Counter("cudnn_calls");
            model.Fit(CudaTrainingTests.Data(new Shape(side, side, 8), classes: 3, samples: 12, batch: 4), 1, options: new FitOptions
            {
                Precision = precision,
                Callbacks = [new LambdaCallback { BatchEnd = (_, _) => steps.Add((emulator.Counter("bytes_touched"), Calls())) }],
            });
            model.Optimizer!.Dispose();
            model.Release();
            return ((long)(steps[2].Bytes - steps[1].Bytes), (long)(steps[2].Calls - steps[1].Calls));
        }
    }

    /// <summary>
    /// x through a convolution that changes nothing (1 x 1, the identity) and then through ops: result and gradient of x against the Reference set, on x and dy that rounding leaves as
    /// they are. Each stored number is rounded to nearest: by at most 2^-8 or 2^-11 of it, or of the largest for those on the way.
    /// </summary>
    private static void Compare(Device gpu, ComputePrecision precision, Func<Tape, Tensor, Tensor> ops, bool isNarrow, int roundings)
    {
        double place = precision == ComputePrecision.BFloat16 ? Math.Pow(2, -8) : Math.Pow(2, -11);
        var random = new Random(5);
        float[] Numbers(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => (random.Next(128) - 64) / 64f)]; // 7 bits
        float[] x = Numbers(s_images.Count);
        float[]? dy = null;
        (float[] Y, float[] DX) Run(Device device, ComputePrecision p)
        {
            using var tape = new Tape(device) { Training = true, Precision = p };
            Tensor images = tape.Constant(s_images, x), identity = tape.Constant(new Shape(Channels, 1, 1, Channels), [.. Enumerable.Range(0, Channels * Channels).Select(i => i % (Channels + 1) == 0 ? 1f : 0)]);
            tape.Watch(images);
            Tensor through = tape.Run(new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1), images, identity), y = ops(tape, through);
            Assert.Equal((p != ComputePrecision.Float32, isNarrow && p != ComputePrecision.Float32), (through.Type != DType.Float32, y.Type != DType.Float32));
            dy ??= Numbers(y.Count);
            float[] result = y.ToArray();
            tape.Backward(y, dy);
            return (result, tape.Gradient(images)!.ToArray());
        }
        int live = gpu.Pool.LiveBlocks;
        var expected = Run(new Device(KernelSet.Reference), ComputePrecision.Float32);
        var actual = Run(gpu, precision);
        Assert.Equal(live, gpu.Pool.LiveBlocks);
        foreach ((float[] due, float[] got) in new[] { (expected.Y, actual.Y), (expected.DX, actual.DX) })
        {
            double largest = due.Max(v => Math.Abs((double)v));
            Assert.InRange(largest, 0.01, 16);
            for (int i = 0; i < due.Length; i++)
            {
                double most = place * (Math.Abs(due[i]) + ((roundings - 1) * Math.Max(1, largest))) + 1e-5;
                Assert.True(Math.Abs(due[i] - got[i]) <= most, $"Number {i}: {got[i]} for {due[i]}, {most} are due.");
            }
        }
    }

    private static Model Prepared(Device device, Model model)
    {
        model.SetSeed(3);
        model.MoveTo(device);
        model.Compile(new Sgd(0.05f, momentum: 0.9f), Loss.SparseCategoricalCrossEntropy());
        return model;
    }

    private static (float[] Weights, MemoryReport Report) Train(Device device, ComputePrecision precision, Model model, int checkpointEvery = 0)
    {
        int live = device.Pool.LiveBlocks;
        Prepared(device, model).Fit(CudaTrainingTests.Data(new Shape(16, 15, 3), classes: 3, samples: 8, batch: 4), 2, options: new FitOptions { Precision = precision, CheckpointEvery = checkpointEvery });
        float[] weights = [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
        Assert.All(weights, w => Assert.True(float.IsFinite(w)));
        MemoryReport report = model.MemoryReport!;
        model.Optimizer!.Dispose();
        model.Release();
        Assert.Equal(live, device.Pool.LiveBlocks);
        return (weights, report);
    }
}
