using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Ops;

/// <summary>Golden losses that are a mean, a sum or a weighted mean of an op here, and splits into several outputs: composed on a tape.</summary>
[Collection(OpsCollection.Name)]
public sealed class ReducedLossGoldenTests
{
    private const double Tolerance = 2e-5; // as for the single ops: share of max(1, largest magnitude)
    private const int IgnoredByTorch = -100;

    /// <summary>Each case with the loss of its elements or rows, and what it is multiplied by, from the number of counted rows.</summary>
    private static readonly Dictionary<string, Composition> s_cases = new()
    {
        ["cross_entropy_mean"] = new(new SoftmaxCrossEntropyOp(sparse: true)),
        ["cross_entropy_sum"] = new(new SoftmaxCrossEntropyOp(sparse: true), Mean: false),
        ["cross_entropy_ignore_index"] = new(new SoftmaxCrossEntropyOp(sparse: true)),
        ["cross_entropy_ignore_index_2"] = new(new SoftmaxCrossEntropyOp(sparse: true), Ignore: 2),
        ["cross_entropy_label_smoothing"] = new(new SoftmaxCrossEntropyOp(sparse: true, 0.1f)),
        ["cross_entropy_label_smoothing_sum"] = new(new SoftmaxCrossEntropyOp(sparse: true, 0.2f), Mean: false),
        ["cross_entropy_class_weight"] = new(new SoftmaxCrossEntropyOp(sparse: true)),
        ["cross_entropy_spatial"] = new(new SoftmaxCrossEntropyOp(sparse: true)),
        ["cross_entropy_soft_target"] = new(new SoftmaxCrossEntropyOp(sparse: false, 0.1f)),
        ["bce_with_logits_mean"] = new(new PointwiseLossOp(LossFormula.SigmoidCrossEntropy)),
        ["bce_with_logits_sum"] = new(new PointwiseLossOp(LossFormula.SigmoidCrossEntropy), Mean: false),
        ["bce"] = new(new PointwiseLossOp(LossFormula.BinaryCrossEntropy)),
        ["mse_mean"] = new(new PointwiseLossOp(LossFormula.SquaredError)),
        ["mse_sum"] = new(new PointwiseLossOp(LossFormula.SquaredError), Mean: false),
        ["l1_loss"] = new(new PointwiseLossOp(LossFormula.AbsoluteError)),
        ["huber_delta0.7"] = new(new PointwiseLossOp(LossFormula.Huber, 0.7f)),
        ["smooth_l1_beta1"] = new(new PointwiseLossOp(LossFormula.Huber, 1)),
        ["smooth_l1_beta0.3"] = new(new PointwiseLossOp(LossFormula.Huber, 0.3f), Factor: 1 / 0.3f), // torch: Huber over beta
    };

    private static SafetensorsFile File => new(GraftShared.Path("reference", "hf", "op_grads", "op_grads.safetensors"));

    public static TheoryData<string> Names => [.. s_cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_reduced_loss_equals_the_golden_one(string name)
    {
        SafetensorsFile file = File;
        Composition c = s_cases[name];
        foreach (Device device in new[] { Device.Reference, Device.Cpu })
        {
            using var tape = new Tape(device);
            Tensor x = Floats(tape, file, $"{name}/in.x");
            tape.Watch(x);
            Tensor scores = name == "cross_entropy_spatial" ? tape.Run(new PermuteOp([0, 2, 3, 1]), x) : x; // the class axis last
            (Tensor labels, float[]? rowWeights) = Labels(tape, file, name, c.Ignore);
            Tensor loss = tape.Run(c.Loss, scores, labels);
            double counted = loss.Count;
            if (rowWeights is not null)
            {
                loss = tape.Run(new BinaryOp(BinaryFormula.Multiply), loss, tape.Constant(loss.Shape, rowWeights));
                counted = rowWeights.Sum(w => (double)w);
            }
            Tensor sum = tape.Run(new ReduceOp(ReduceFormula.Sum, []), loss);
            float factor = c.Factor * (c.Mean ? (float)(1 / counted) : 1);
            float upstream = (float)file.Read($"{name}/grad_out").Values[0];
            tape.Backward(sum, [factor * upstream]);
            Near($"{name} on {device.Name}", file.Read($"{name}/out").Values, [sum.ToArray()[0] * factor]);
            Near($"{name} gradient on {device.Name}", file.Read($"{name}/grad.x").Values, tape.Gradient(x)!.ToArray());
        }
    }

    [Theory]
    [InlineData("split", 2, 1, 3)]
    [InlineData("chunk", 3, 3, 1)]
    public void Slices_of_an_axis_and_their_joint_gradient_equal_the_golden_ones(string name, params int[] sizes)
    {
        SafetensorsFile file = File;
        foreach (Device device in new[] { Device.Reference, Device.Cpu })
        {
            using var tape = new Tape(device);
            Tensor x = Floats(tape, file, $"{name}/in.x");
            tape.Watch(x);
            Tensor? total = null;
            for (int i = 0, from = 0; i < sizes.Length; from += sizes[i++])
            {
                Tensor part = tape.Run(new SliceOp(1, from, sizes[i]), x);
                Near($"{name} part {i}", file.Read($"{name}/out{i}").Values, part.ToArray());
                Tensor weighted = tape.Run(new BinaryOp(BinaryFormula.Multiply), part, Floats(tape, file, $"{name}/grad_out{i}"));
                Tensor sum = tape.Run(new ReduceOp(ReduceFormula.Sum, []), weighted);
                total = total is null ? sum : tape.Run(new BinaryOp(BinaryFormula.Add), total, sum);
            }
            tape.Backward(total!);
            Near($"{name} gradient on {device.Name}", file.Read($"{name}/grad.x").Values, tape.Gradient(x)!.ToArray());
        }
    }

    private static (Tensor Labels, float[]? RowWeights) Labels(Tape tape, SafetensorsFile file, string name, int ignore)
    {
        if (!file.Contains($"{name}/in.target"))
            return (Floats(tape, file, $"{name}/in.y"), null);
        if (!file.IsInteger($"{name}/in.target"))
            return (Floats(tape, file, $"{name}/in.target"), null);
        (Shape shape, double[] target) = file.Read($"{name}/in.target");
        double[]? classWeights = file.Contains($"{name}/in.weight") ? file.Read($"{name}/in.weight").Values : null;
        // an index that names no class is ignored here: -1
        float[] labels = [.. target.Select(t => t == ignore ? -1 : (float)t)];
        return (tape.Constant(shape, labels), [.. labels.Select(l => l < 0 ? 0 : (float)(classWeights?[(int)l] ?? 1))]);
    }

    private static Tensor Floats(Tape tape, SafetensorsFile file, string key)
    {
        (Shape shape, double[] values) = file.Read(key);
        return tape.Constant(shape, Array.ConvertAll(values, v => (float)v));
    }

    private static void Near(string what, double[] expected, float[] actual)
    {
        double difference = OpHarness.Difference(expected, actual);
        Assert.True(difference <= Tolerance, $"{what} differs by {difference:g3}.");
    }

    private sealed record Composition(Op Loss, bool Mean = true, int Ignore = IgnoredByTorch, float Factor = 1);
}
