using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe class CpuUnaryKernels : UnaryKernels
{
    /// <summary>Forward: Y = f(X). Backward, where there is an Upstream: Y = beta Y + Upstream f'(X), with X as x or y.</summary>
    private readonly struct Call(long count, float* x, float* upstream, float* y, float beta)
    {
        public readonly long Count = count;
        public readonly float* X = x, Upstream = upstream, Y = y;
        public readonly float Beta = beta;

        public void Run<T>(T formula)
            where T : unmanaged, IUnaryFormula, IBinaryFormula
        {
            if (Upstream == null)
                Elementwise.Unary(formula, Count, X, Y);
            else
                Elementwise.Binary(formula, Count, X, Upstream, Y, Beta);
        }
    }

    public override void Forward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        Dispatch(g, new(g.Count, x.Pointer, null, y.Pointer, 0));

    public override void BackwardInput(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        float* source = UnaryGeometry.NeedsInput(g.Formula) ? x.Pointer : UnaryGeometry.NeedsOutput(g.Formula) ? y.Pointer : dy.Pointer;
        Dispatch(g, new(g.Count, source, dy.Pointer, dx.Pointer, beta));
    }

    private static void Dispatch(in UnaryGeometry g, in Call call)
    {
        float a = g.Alpha, b = g.Beta;
        switch (g.Formula)
        {
            case UnaryFormula.ReLU: call.Run(new ReLUFormula()); break;
            case UnaryFormula.ReLUMax: call.Run(new ReLUMaxFormula(a)); break;
            case UnaryFormula.LeakyReLU: call.Run(new LeakyReLUFormula(a)); break;
            case UnaryFormula.ELU: call.Run(new ELUFormula(1, a)); break;
            case UnaryFormula.SELU:
                call.Run(new ELUFormula((float)ReferenceUnaryKernels.SeluScale, (float)(ReferenceUnaryKernels.SeluScale * ReferenceUnaryKernels.SeluAlpha)));
                break;
            case UnaryFormula.Sigmoid: call.Run(new SigmoidFormula()); break;
            case UnaryFormula.HardSigmoid: call.Run(new HardSigmoidFormula()); break;
            case UnaryFormula.HardSigmoidKeras2: call.Run(new HardSigmoidKeras2Formula()); break;
            case UnaryFormula.Tanh: call.Run(new TanhFormula()); break;
            case UnaryFormula.Gelu: call.Run(new GeluFormula()); break;
            case UnaryFormula.GeluTanh: call.Run(new GeluTanhFormula()); break;
            case UnaryFormula.SiLU: call.Run(new SiLUFormula()); break;
            case UnaryFormula.Mish: call.Run(new MishFormula()); break;
            case UnaryFormula.Softplus: call.Run(new SoftplusFormula()); break;
            case UnaryFormula.Softsign: call.Run(new SoftsignFormula()); break;
            case UnaryFormula.Exp: call.Run(new ExpFormula()); break;
            case UnaryFormula.Log: call.Run(new LogFormula()); break;
            case UnaryFormula.Sqrt: call.Run(new SqrtFormula()); break;
            case UnaryFormula.Rsqrt: call.Run(new RsqrtFormula()); break;
            case UnaryFormula.Square: call.Run(new SquareFormula()); break;
            case UnaryFormula.Abs: call.Run(new AbsFormula()); break;
            case UnaryFormula.Negate: call.Run(new ScaleFormula(-1, 0)); break;
            case UnaryFormula.Reciprocal: call.Run(new ReciprocalFormula()); break;
            case UnaryFormula.Scale: call.Run(new ScaleFormula(a, b)); break;
            case UnaryFormula.Clip: call.Run(new ClipFormula(a, b)); break;
            case UnaryFormula.Threshold: call.Run(new ThresholdFormula(a, b)); break;
            case UnaryFormula.NotEqual: call.Run(new NotEqualFormula(a)); break;
            case UnaryFormula.Pow: call.Run(new PowFormula(a)); break;
            case UnaryFormula.SparseSigmoid: call.Run(new SparseSigmoidFormula()); break;
            case UnaryFormula.HardSiLU: call.Run(new HardSiLUFormula()); break;
            case UnaryFormula.LogSigmoid: call.Run(new LogSigmoidFormula()); break;
            case UnaryFormula.TanhShrink: call.Run(new TanhShrinkFormula()); break;
            case UnaryFormula.SoftShrink: call.Run(new ShrinkFormula(a, a)); break;
            case UnaryFormula.HardShrink: call.Run(new ShrinkFormula(a, 0)); break;
            case UnaryFormula.SquarePlus: call.Run(new SquarePlusFormula(a)); break;
            case UnaryFormula.SparsePlus: call.Run(new SparsePlusFormula()); break;
            default: throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula.");
        }
    }
}
