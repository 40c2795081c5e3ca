using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaUnaryKernels : UnaryKernels
{
    private const string File = "Unary.cu";
    private const int ForwardNumbers = 8; // of a thread, as in UnaryPacks.cu

    // Formulas that have a module of their own, compiled at the first use.
    private static readonly UnaryFormula[] s_usual =
    [
        UnaryFormula.ReLU, UnaryFormula.ReLUMax, UnaryFormula.LeakyReLU, UnaryFormula.Sigmoid, UnaryFormula.Tanh, UnaryFormula.Gelu, UnaryFormula.GeluTanh, UnaryFormula.SiLU,
        UnaryFormula.HardSiLU, UnaryFormula.Scale,
    ];

    private readonly int _backwardNumbers; // of a thread: 16 bytes of them
    private readonly KernelFunction _forward, _backward;
    private readonly Dictionary<UnaryFormula, KernelFunction> _usualForward, _usualBackward;

    public CudaUnaryKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32)
    {
        _forward = new(context, File, NarrowName.Of("unary_forward", stored));
        _backward = new(context, File, NarrowName.Of("unary_backward", stored));
        _backwardNumbers = CudaPacks.Width(stored);
        _usualForward = s_usual.ToDictionary(u => u, u => new KernelFunction(context, FileOf(u), NarrowName.Of("unary_forward_packs", stored)));
        _usualBackward = s_usual.ToDictionary(u => u, u => new KernelFunction(context, FileOf(u), NarrowName.Of("unary_backward_packs", stored)));
    }

    public override void Forward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        if (g.Count > 0 && _usualForward.TryGetValue(g.Formula, out KernelFunction? usual) && CudaPacks.Fit(g.Count, x.Address, y.Address))
            usual.OverThreads(CudaPacks.Threads(g.Count, ForwardNumbers, 1), x, y, (int)g.Count, g.Alpha, g.Beta);
        else
            _forward.Over(g.Count, x, y, g.Count, (int)g.Formula, g.Alpha, g.Beta);
    }

    public override void BackwardInput(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        // The one that is not needed may have been given back.
        DevicePtr<float> needX = UnaryGeometry.NeedsInput(g.Formula) ? x : DevicePtr<float>.Null, needY = UnaryGeometry.NeedsOutput(g.Formula) ? y : DevicePtr<float>.Null;
        if (g.Count > 0 && _usualBackward.TryGetValue(g.Formula, out KernelFunction? usual) && CudaPacks.Fit(g.Count, needX.Address, needY.Address, dy.Address, dx.Address))
            usual.OverThreads(CudaPacks.Threads(g.Count, _backwardNumbers, 1), needX, needY, dy, dx, (int)g.Count, g.Alpha, g.Beta, beta);
        else
            _backward.Over(g.Count, needX, needY, dy, dx, g.Count, (int)g.Formula, g.Alpha, g.Beta, beta);
    }

    private static string FileOf(UnaryFormula formula) => $"UnaryPacks.cu FORMULA={formula}";
}
