using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Ops;

/// <summary>Golden ops that are two or more ops here, in torch's layouts: outputs and the gradient of every input, composed on a tape.</summary>
[Collection(OpsCollection.Name)]
public sealed class ComposedGoldenTests
{
    private const double Tolerance = 2e-5; // as for the single ops: share of max(1, largest magnitude)

    private static readonly int[] s_toNhwc = [0, 2, 3, 1], s_toNchw = [0, 3, 1, 2];

    private static readonly Dictionary<string, Func<Steps, Tensor>> s_cases = new()
    {
        ["conv_transpose2d_basic"] = s => s.Transposed(new Conv2DTransposeOp(6, 7, 1, 1, 1, 1, Padding2D.None)),
        ["conv_transpose2d_stride2_pad1_outpad1"] = s => s.Transposed(new Conv2DTransposeOp(8, 10, 2, 2, 1, 1, Padding2D.All(1))),
        ["conv_transpose2d_k4s2p1"] = s => s.Transposed(new Conv2DTransposeOp(6, 6, 2, 2, 1, 1, Padding2D.All(1))),
        // an image of one row
        ["conv1d"] = s => s.Then(new ReshapeOp(2, 4, 5), s.Then(new PermuteOp(s_toNchw), s.Then(new Conv2DOp(1, 2, 1, 1, new Padding2D(0, 0, 1, 1), 1),
            s.Then(new PermuteOp(s_toNhwc), s.Then(new ReshapeOp(2, 3, 1, 9), s["x"])), s.Then(new PermuteOp(s_toNhwc), s.Then(new ReshapeOp(4, 3, 1, 3), s["w"])), s["b"]))),
        ["group_norm"] = s => s.Normalised(new GroupNormalization(2) { Epsilon = 1e-5f }),
        ["instance_norm"] = s => s.Normalised(new GroupNormalization(-1) { Epsilon = 1e-5f }),
        ["avg_pool2d_divisor_override"] = s => s.Then(new PermuteOp(s_toNchw), s.Then(new UnaryOp(UnaryFormula.Scale, 4f / 3),
            s.Then(new Pool2DOp(PoolKind.Average, 2, 2, 2, 2, Padding2D.None, countPadding: true), s.Then(new PermuteOp(s_toNhwc), s["x"])))),
        ["max_dim1"] = s => s.Then(new ReduceOp(ReduceFormula.Max, [1]), s["x"]),
        ["min_dim1"] = s => s.Then(new ReduceOp(ReduceFormula.Min, [1]), s["x"]),
        ["prelu"] = s => s.Then(new BinaryOp(BinaryFormula.PReLU), s["x"], s.Then(new ReshapeOp(3, 1), s["w"])),
        ["logsigmoid"] = s => s.Then(new UnaryOp(UnaryFormula.Negate), s.Then(new UnaryOp(UnaryFormula.Softplus), s.Then(new UnaryOp(UnaryFormula.Negate), s["x"]))),
        ["reshape_after_transpose"] = s => s.Then(new ReshapeOp(6, 2), s.Then(new PermuteOp(1, 0), s["x"])),
        ["broadcast_to"] = s => s.Then(new BinaryOp(BinaryFormula.Add), s["x"], s.Constant(new Shape(4, 3, 2), new float[24])),
        ["stack"] = s => s.Then(new ConcatOp(1), s.Then(new ReshapeOp(2, 1, 3), s["a"]), s.Then(new ReshapeOp(2, 1, 3), s["b"])),
        ["einsum"] = s => s.Then(new MatMulOp(transposeB: true), s["a"], s["b"]),
        ["sdpa"] = s => s.Attention(null),
        ["sdpa_causal"] = s => s.Attention(s.Constant(new Shape(5, 5), [.. Enumerable.Range(0, 25).Select(i => i % 5 > i / 5 ? -1e9f : 0)])),
        ["sdpa_bool_mask"] = s => s.Attention(s.Constant(new Shape(2, 1, 3, 5), [.. s.Numbers("mask").Select(attends => attends == 0 ? -1e9f : 0)])),
        ["sdpa_additive_mask"] = s => s.Attention(s["mask"]),
        ["cross_entropy_class_weight_smoothing_ignore"] = s => s.WeightedSmoothedLoss(smoothing: 0.1f),
    };

    public static TheoryData<string> Names => [.. s_cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_composed_op_equals_the_golden_one_in_output_and_gradients(string name)
    {
        var file = new SafetensorsFile(GraftShared.Path("reference", "hf", "op_grads", "op_grads.safetensors"));
        foreach (Device device in new[] { Device.Reference, Device.Cpu })
        {
            using var tape = new Tape(device) { Training = true };
            var steps = new Steps(tape, file, name);
            Tensor y = s_cases[name](steps);
            (Shape shape, double[] expected) = file.Read(file.Contains($"{name}/out") ? $"{name}/out" : $"{name}/out0"); // out1: the places of the winners
            Assert.Equal(shape, y.Shape);
            Near($"{name} on {device.Name}", expected, y.ToArray());
            tape.Backward(y, Array.ConvertAll(file.Read($"{name}/grad_out").Values, v => (float)v));
            Assert.NotEmpty(steps.Inputs);
            foreach ((string key, Tensor input) in steps.Inputs)
                Near($"{name} gradient of {key} on {device.Name}", file.Read($"{name}/grad.{key}").Values, tape.Gradient(input)!.ToArray());
        }
    }

    private static void Near(string what, double[] expected, float[] actual)
    {
        double difference = OpHarness.Difference(expected, actual);
        Assert.True(difference <= Tolerance, $"{what} differs by {difference:g3}.");
    }

    /// <summary>The inputs of a case on a tape, and what several cases share.</summary>
    private sealed class Steps(Tape tape, SafetensorsFile file, string name)
    {
        /// <summary>The inputs that were used and have a gradient.</summary>
        public Dictionary<string, Tensor> Inputs { get; } = [];

        public Tensor this[string key]
        {
            get
            {
                if (Inputs.TryGetValue(key, out Tensor? used))
                    return used;
                Tensor input = Constant(file.Read($"{name}/in.{key}").Shape, Numbers(key));
                tape.Watch(input);
                Inputs.Add(key, input);
                return input;
            }
        }

        public float[] Numbers(string key) => Array.ConvertAll(file.Read($"{name}/in.{key}").Values, v => (float)v);

        public Tensor Constant(Shape shape, float[] values) => tape.Constant(shape, values);

        public Tensor Then(Op op, params Tensor[] inputs) => tape.Run(op, inputs);

        public Tensor Transposed(Conv2DTransposeOp op) =>
            Then(new PermuteOp(s_toNchw), Then(new BinaryOp(BinaryFormula.Add), Then(op, Then(new PermuteOp(s_toNhwc), this["x"]), Then(new PermuteOp(s_toNhwc), this["w"])), this["b"]));

        public Tensor Normalised(Layer layer)
        {
            Tensor x = Then(new PermuteOp(s_toNhwc), this["x"]);
            layer.Apply(Node.Input(x.Shape.Tail()));
            foreach ((Parameter parameter, string key) in layer.Parameters.Zip(["weight", "bias"]))
            {
                parameter.MoveTo(tape.Device);
                parameter.Set(Numbers(key));
                Inputs.Add(key, parameter.Value);
            }
            return Then(new PermuteOp(s_toNchw), layer.Forward(tape, [x]));
        }

        public Tensor Attention(Tensor? mask)
        {
            Tensor scores = Then(new UnaryOp(UnaryFormula.Scale, 0.5f), Then(new MatMulOp(transposeB: true), this["q"], this["k"])); // 1 / sqrt(4)
            if (mask is not null)
                scores = Then(new BinaryOp(BinaryFormula.Add), scores, mask);
            return Then(new MatMulOp(), Then(new SoftmaxOp(), scores), this["v"]);
        }

        /// <summary>torch weights each class inside the smoothing: targets that do not sum to one, over the weights of the real classes.</summary>
        public Tensor WeightedSmoothedLoss(float smoothing)
        {
            const float Ignored = -100;
            float[] target = Numbers("target"), weight = Numbers("weight");
            var soft = new float[target.Length * weight.Length];
            for (int i = 0; i < soft.Length; i++)
            {
                (int row, int k) = (i / weight.Length, i % weight.Length);
                soft[i] = target[row] == Ignored ? 0 : weight[k] * (smoothing / weight.Length + (k == (int)target[row] ? 1 - smoothing : 0));
            }
            float all = target.Where(t => t != Ignored).Sum(t => weight[(int)t]);
            Tensor loss = Then(new SoftmaxCrossEntropyOp(sparse: false), this["x"], Constant(new Shape(target.Length, weight.Length), soft));
            return Then(new UnaryOp(UnaryFormula.Scale, 1 / all), Then(new ReduceOp(ReduceFormula.Sum, []), loss));
        }
    }
}
