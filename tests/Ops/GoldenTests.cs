using System.Text.Json;
using Graft.Tests.Golden;
using Graft.Tests.OpCases;
using Xunit;

namespace Graft.Tests.Ops;

/// <summary>Both host kernel sets against outputs and gradients that PyTorch computed in float64.</summary>
[Collection(OpsCollection.Name)]
public sealed class GoldenTests
{
    /// <summary>Share of max(1, largest magnitude): float32 sums of up to some hundred terms against float64.</summary>
    private const double Tolerance = 2e-5;

    /// <summary>Golden ops that must be covered, every case of them, but for the exceptions below.</summary>
    private static readonly string[] s_covered =
    [
        "matmul", "linear (x W^T + b)", "conv2d", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "batch_norm", "layer_norm", "softmax",
        "log_softmax", "embedding",
        "add", "sub", "mul", "div", "maximum", "minimum", "relu", "relu6", "leaky_relu", "leaky_relu_0.2", "elu", "elu_0.5", "selu", "sigmoid", "hardsigmoid",
        "tanh", "gelu", "silu", "softplus", "softsign", "exp", "log", "sqrt", "rsqrt", "square", "abs", "neg", "reciprocal", "clamp", "pow",
        "sum", "mean", "max", "min", "amax", "cat", "transpose", "permute", "cross_entropy", "binary_cross_entropy_with_logits", "mse_loss",
        "conv1d", "conv_transpose2d (weight [in, out/groups, kh, kw])", "interpolate", "group_norm", "instance_norm", "mish", "prelu", "logsigmoid",
        "reshape", "broadcast_to", "stack", "einsum", "scaled_dot_product_attention", "split", "chunk",
        "binary_cross_entropy", "l1_loss", "smooth_l1_loss", "huber_loss",
    ];

    private static readonly Dictionary<string, string> s_exceptions = new()
    {
        ["max_pool2d_dilation2"] = "pooling has no dilation in Keras",
        ["avg_pool2d_ceil_pad"] = "torch counts its own padding but not what ceil_mode adds",
        ["avg_pool2d_divisor_override"] = "composed in ComposedGoldenTests",
        ["adaptive_avg_pool2d_3x2"] = "windows of uneven size",
        ["adaptive_avg_pool2d_5x4"] = "windows of uneven size",
        ["adaptive_avg_pool2d_7x7"] = "windows of uneven size",
        ["pow_tensor"] = "the exponent is an attribute here",
        ["max_dim1"] = "composed in ComposedGoldenTests",
        ["min_dim1"] = "composed in ComposedGoldenTests",
        ["max_dim_ties"] = "torch.max over an axis pays one winner; ReduceOp shares like amax",
        ["cross_entropy_mean"] = "composed in ReducedLossGoldenTests",
        ["cross_entropy_sum"] = "composed in ReducedLossGoldenTests",
        ["cross_entropy_ignore_index"] = "composed in ReducedLossGoldenTests",
        ["cross_entropy_label_smoothing"] = "composed in ReducedLossGoldenTests",
        ["cross_entropy_label_smoothing_sum"] = "composed in ReducedLossGoldenTests",
        ["cross_entropy_ignore_index_2"] = "composed in ReducedLossGoldenTests",
        ["cross_entropy_class_weight"] = "composed in ReducedLossGoldenTests",
        ["cross_entropy_class_weight_smoothing_ignore"] = "composed in ComposedGoldenTests",
        ["cross_entropy_spatial"] = "composed in ReducedLossGoldenTests",
        ["cross_entropy_soft_target"] = "composed in ReducedLossGoldenTests",
        ["bce_with_logits_mean"] = "composed in ReducedLossGoldenTests",
        ["bce_with_logits_sum"] = "composed in ReducedLossGoldenTests",
        ["bce_with_logits_pos_weight_weight"] = "pos_weight is torch's alone",
        ["mse_mean"] = "composed in ReducedLossGoldenTests",
        ["mse_sum"] = "composed in ReducedLossGoldenTests",
        ["conv1d"] = "composed in ComposedGoldenTests",
        ["conv_transpose2d_basic"] = "composed in ComposedGoldenTests",
        ["conv_transpose2d_stride2_pad1_outpad1"] = "composed in ComposedGoldenTests",
        ["conv_transpose2d_k4s2p1"] = "composed in ComposedGoldenTests",
        ["group_norm"] = "composed in ComposedGoldenTests",
        ["instance_norm"] = "composed in ComposedGoldenTests",
        ["prelu"] = "composed in ComposedGoldenTests",
        ["logsigmoid"] = "composed in ComposedGoldenTests",
        ["reshape_after_transpose"] = "composed in ComposedGoldenTests",
        ["broadcast_to"] = "composed in ComposedGoldenTests",
        ["stack"] = "composed in ComposedGoldenTests",
        ["einsum"] = "composed in ComposedGoldenTests",
        ["sdpa"] = "composed in ComposedGoldenTests",
        ["sdpa_causal"] = "composed in ComposedGoldenTests",
        ["sdpa_bool_mask"] = "composed in ComposedGoldenTests",
        ["sdpa_additive_mask"] = "composed in ComposedGoldenTests",
        ["split"] = "composed in ReducedLossGoldenTests",
        ["chunk"] = "composed in ReducedLossGoldenTests",
        ["bce"] = "composed in ReducedLossGoldenTests",
        ["l1_loss"] = "composed in ReducedLossGoldenTests",
        ["smooth_l1_beta1"] = "composed in ReducedLossGoldenTests",
        ["smooth_l1_beta0.3"] = "composed in ReducedLossGoldenTests",
        ["huber_delta0.7"] = "composed in ReducedLossGoldenTests",
        ["conv_transpose2d_groups2_dilation2"] = "Conv2DTranspose has no groups, as in Keras",
        ["interpolate_nearest_size"] = "Upsample2D enlarges by whole factors, as in Keras",
        ["interpolate_nearest_down"] = "Upsample2D enlarges by whole factors, as in Keras",
        ["interpolate_bilinear_align_true"] = "Upsample2D enlarges by whole factors, as in Keras",
        ["interpolate_bilinear_align_false"] = "Upsample2D enlarges by whole factors, as in Keras",
        ["interpolate_bilinear_down_align_false"] = "Upsample2D enlarges by whole factors, as in Keras",
        ["interpolate_bicubic_align_false"] = "Upsample2D enlarges by whole factors, as in Keras",
        ["embedding_padding_idx"] = "padding_idx is torch's alone",
    };

    public static TheoryData<string, string> Names
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (GoldenCase test in AllCases.Golden)
            {
                data.Add(test.Name, Device.Reference.Name);
                data.Add(test.Name, Device.Cpu.Name);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Output_and_gradients_equal_the_golden_ones(string name, string deviceName)
    {
        var file = new SafetensorsFile(GraftShared.Path("reference", "hf", "op_grads", "op_grads.safetensors"));
        GoldenCase test = AllCases.Golden.Single(c => c.Name == name);
        Device device = deviceName == Device.Cpu.Name ? Device.Cpu : Device.Reference;
        OpValue[] inputs = [.. test.Inputs.Select(i => Input(file, name, i))];
        (_, double[] upstream) = Read(file, $"{name}/grad_out", test.Output);
        (Shape shape, double[] output) = Read(file, $"{name}/out", test.Output);
        OpResult result = OpHarness.Run(device, test.Op, inputs, Array.ConvertAll(upstream, v => (float)v));
        Assert.Equal(shape, result.OutputShape);
        Near("output", output, result.Output);
        int compared = 0;
        for (int i = 0; i < inputs.Length; i++)
        {
            string key = $"{name}/grad.{test.Inputs[i].Key}";
            if (!file.Contains(key) || !test.Op.IsDifferentiable(i)) // labels have no gradient here
                continue;
            Near(key, Read(file, key, test.Inputs[i].Layout).Values, result.Gradients[i]!);
            compared++;
        }
        Assert.True(compared > 0, $"{name}: no gradient was compared.");
    }

    [Fact]
    public void No_golden_case_of_a_covered_op_is_left_out()
    {
        using JsonDocument index = JsonDocument.Parse(File.ReadAllText(GraftShared.Path("reference", "hf", "op_grads", "index.json")));
        (string Name, string Op)[] cases =
            [.. index.RootElement.GetProperty("cases").EnumerateArray().Select(c => (c.GetProperty("name").GetString()!, c.GetProperty("op").GetString()!))];
        string[] run = [.. AllCases.Golden.Select(c => c.Name)];
        foreach (string op in s_covered)
            Assert.Contains(cases, c => c.Op == op);
        foreach ((string name, string op) in cases.Where(c => s_covered.Contains(c.Op)))
            Assert.True(run.Contains(name) != s_exceptions.ContainsKey(name), $"{name} ({op}) must be run or listed as an exception, not both.");
    }

    private static void Near(string what, double[] expected, float[] actual)
    {
        double difference = OpHarness.Difference(expected, actual);
        Assert.True(difference <= Tolerance, $"{what} differs by {difference:g3}.");
    }

    private static OpValue Input(SafetensorsFile file, string name, GoldenInput input)
    {
        if (input.Constant is not null)
            return new(input.ConstantShape!, input.Constant, null);
        string key = $"{name}/in.{input.Key}";
        (Shape shape, double[] values) = Read(file, key, input.Layout);
        return file.IsInteger(key) && !input.AsFloats
            ? new(shape, null, Array.ConvertAll(values, v => (int)v))
            : new(shape, Array.ConvertAll(values, v => (float)v), null);
    }

    private static (Shape Shape, double[] Values) Read(SafetensorsFile file, string key, GoldenLayout layout)
    {
        (Shape shape, double[] values) = file.Read(key);
        if (layout.View is not null)
            shape = new Shape(layout.View);
        if (layout.Axes is not int[] axes)
            return (shape, values);
        var strides = new int[axes.Length];
        for (int i = axes.Length - 1, stride = 1; i >= 0; stride *= shape[i--])
            strides[i] = stride;
        var result = new Shape([.. axes.Select(a => shape[a])]);
        var permuted = new double[values.Length];
        for (int i = 0; i < permuted.Length; i++)
        {
            int rest = i, from = 0;
            for (int axis = axes.Length - 1; axis >= 0; axis--)
            {
                from += rest % result[axis] * strides[axes[axis]];
                rest /= result[axis];
            }
            permuted[i] = values[from];
        }
        return (result, permuted);
    }
}
