using Graft.Bench.Onnx;
using Graft.Bench.Suite;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Ops;

/// <summary>Activations: those of GPT-2's MLP over 512 tokens (1.6 million numbers), the ReLU of ResNet50's first stage at batch 32, and the gradient of GELU.</summary>
public class ActivationBench : OpBench
{
    private const int Mlp = 512 * 3072, Stage1 = 32 * 56 * 56 * 256;
    private const double Low = -6, High = 6;

    private protected override IReadOnlyList<OpCase> Cases { get; } =
    [
        Of("ResNet50 ReLU", UnaryFormula.ReLU, Stage1, 1, g => g.Node("Relu", "y", ["x"]), x => torch.nn.functional.relu(x)),
        Of("GPT-2 GELU", UnaryFormula.Gelu, Mlp, 60, ErfGelu, x => torch.nn.functional.gelu(x)),
        Of("GPT-2 GELU by tanh", UnaryFormula.GeluTanh, Mlp, 40, TanhGelu, null),
        Of("Tanh", UnaryFormula.Tanh, Mlp, 33, g => g.Node("Tanh", "y", ["x"]), x => x.tanh()),
        Of("Sigmoid", UnaryFormula.Sigmoid, Mlp, 17, g => g.Node("Sigmoid", "y", ["x"]), x => x.sigmoid()),
        Of("SiLU", UnaryFormula.SiLU, Mlp, 18, Silu, x => torch.nn.functional.silu(x)),
        Of("Exponential", UnaryFormula.Exp, Mlp, 13, g => g.Node("Exp", "y", ["x"]), x => x.exp()),
        GeluGradient(),
    ];

    private static OpCase Of(string name, UnaryFormula formula, int count, double flops, Action<OnnxGraph> onnx, Func<torch.Tensor, torch.Tensor>? inTorch)
    {
        Shape x = new(count);
        return new OpCase($"{name} {count / 1e6:f1}M", flops * count, 2 * 4.0 * count)
        {
            Batch = 16,
            Tolerance = 2e-5, // GELU's left tail loses the digits that 1 + erf cancels
            Graft = (set, work, n) =>
            {
                var g = new UnaryGeometry((long)count / 16 * n, formula);
                DevicePtr<float> input = work.Input("x", g.Count, Low, High), y = work.Output(g.Count);
                return () => set.Unary.Forward(g, input, y);
            },
            Ort = () =>
            {
                OrtPeer peer = new OrtPeer().Plain("x", x, Numbers.Of("x", count, Low, High));
                onnx(peer.Graph);
                return peer.Open("y", x);
            },
            Torch = inTorch is null ? null : () =>
            {
                var peer = new TorchPeer();
                torch.Tensor input = peer.Plain(x, Numbers.Of("x", count, Low, High));
                return peer.Open(() => inTorch(input));
            },
        };
    }

    private static OpCase GeluGradient() => new($"GPT-2 gradient of GELU {Mlp / 1e6:f1}M", 90.0 * Mlp, 3 * 4.0 * Mlp)
    {
        Batch = 16,
        Tolerance = 2e-5,
        Graft = (set, work, n) =>
        {
            var g = new UnaryGeometry(Mlp / 16L * n, UnaryFormula.Gelu);
            DevicePtr<float> input = work.Input("x", g.Count, Low, High), upstream = work.Input("dy", g.Count), dx = work.Output(g.Count);
            return () => set.Unary.BackwardInput(g, input, default, upstream, dx, 0);
        },
    };

    /// <summary>x (1 + erf(x / sqrt 2)) / 2, as exporters write it; the runtime fuses it into one op.</summary>
    private static void ErfGelu(OnnxGraph g)
    {
        Scalar(g, "root", MathF.Sqrt(2));
        Scalar(g, "one", 1);
        Scalar(g, "half", 0.5f);
        g.Node("Div", "scaled", ["x", "root"]);
        g.Node("Erf", "erf", ["scaled"]);
        g.Node("Add", "twice", ["erf", "one"]);
        g.Node("Mul", "product", ["x", "twice"]);
        g.Node("Mul", "y", ["product", "half"]);
    }

    private static void TanhGelu(OnnxGraph g)
    {
        Scalar(g, "cube", 0.044715f);
        Scalar(g, "root", 0.79788456f);
        Scalar(g, "one", 1);
        Scalar(g, "half", 0.5f);
        Scalar(g, "three", 3);
        g.Node("Pow", "x3", ["x", "three"]);
        g.Node("Mul", "small", ["x3", "cube"]);
        g.Node("Add", "sum", ["x", "small"]);
        g.Node("Mul", "inner", ["sum", "root"]);
        g.Node("Tanh", "tanh", ["inner"]);
        g.Node("Add", "twice", ["tanh", "one"]);
        g.Node("Mul", "halved", ["x", "half"]);
        g.Node("Mul", "y", ["halved", "twice"]);
    }

    private static void Silu(OnnxGraph g)
    {
        g.Node("Sigmoid", "share", ["x"]);
        g.Node("Mul", "y", ["x", "share"]);
    }

    private static void Scalar(OnnxGraph g, string name, float value) => g.Floats(name, new Shape(1), () => [value]);
}
