using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaBinaryKernels : BinaryKernels
{
    private const int ForwardPacks = 2, BackwardPacks = 1; // of a thread, as in BinaryPacks.cu

    private readonly ComputePrecision _stored;
    private readonly KernelFunction _forward, _backward;
    private readonly Packs[] _packs; // by formula
    private readonly CudaAddScaled _addScaled;

    public CudaBinaryKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32)
    {
        _stored = stored;
        _forward = new(context, "Binary.cu", NarrowName.Of("binary_forward", stored));
        _backward = new(context, "Binary.cu", "binary_backward");
        _packs = Array.ConvertAll(Enum.GetValues<BinaryFormula>(), formula => new Packs(context, formula, stored));
        _addScaled = new(context);
    }

    public override void Forward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y)
    {
        int width = CudaPacks.Width(_stored), repeats = Repeats(g);
        long threads = CudaPacks.Threads(g.Count, width, ForwardPacks);
        if (g.Count == 0)
            return;
        if (!Fit(g, a, b, y, y))
            _forward.Over(g.Count, a, b, y, g.Count, (int)g.Formula, g.Extents, g.StridesA, g.StridesB);
        else if (g.Extents.Rank <= 1)
            _packs[(int)g.Formula].Flat.OverThreads(threads, a, b, y, (int)g.Count, repeats);
        else if (g.Extents[g.Extents.Rank - 1] % width == 0)
            _packs[(int)g.Formula].Walked.OverThreads(threads, a, b, y, (int)g.Count, KernelArgument.Of(CudaWalk.Over(g.Extents)), CudaWalk.Strides(g.StridesA), CudaWalk.Strides(g.StridesB), repeats);
        else
            _forward.Over(g.Count, a, b, y, g.Count, (int)g.Formula, g.Extents, g.StridesA, g.StridesB);
    }

    public override void BackwardA(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> da, float beta) =>
        Backward(g, a, b, dy, da, beta, second: 0);

    public override void BackwardB(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        Backward(g, a, b, dy, db, beta, second: 1);

    private void Backward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> gradient, float beta, int second)
    {
        int width = CudaPacks.Width(ComputePrecision.Float32);
        bool reads = g.Formula is not (BinaryFormula.Add or BinaryFormula.Subtract);
        if (g.Count == 0)
            return;
        if (!reads)
            _addScaled.Run(dy, g.Formula == BinaryFormula.Subtract && second == 1 ? -1 : 1, gradient, beta, g.Count);
        else if (Fit(g, a, b, dy, gradient) && g.Extents.Rank > 0 && g.Extents[g.Extents.Rank - 1] % width == 0)
        {
            Packs packs = _packs[(int)g.Formula];
            (second == 0 ? packs.BackwardA : packs.BackwardB).OverThreads(CudaPacks.Threads(g.Count, width, BackwardPacks),
                a, b, dy, gradient, (int)g.Count, KernelArgument.Of(CudaWalk.Over(g.Extents)), CudaWalk.Strides(g.StridesA), CudaWalk.Strides(g.StridesB), Repeats(g), beta);
        }
        else
        {
            _backward.Over(g.Count, a, b, dy, gradient, g.Count, (int)g.Formula, second, g.Extents, g.StridesA, g.StridesB, beta);
        }
    }

    /// <summary>Addresses; an input that is repeated along the last axis is read number by number.</summary>
    private static bool Fit(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> other, DevicePtr<float> y)
    {
        int repeats = Repeats(g);
        return CudaPacks.Fit(g.Count, (repeats & 1) == 0 ? a.Address : 0, (repeats & 2) == 0 ? b.Address : 0, other.Address, y.Address);
    }

    /// <summary>1 where a is repeated along the last axis, and 2 where b is.</summary>
    private static int Repeats(in BinaryGeometry g)
    {
        int last = g.Extents.Rank - 1;
        return last < 0 ? 3 : (g.StridesA[last] == 0 ? 1 : 0) + (g.StridesB[last] == 0 ? 2 : 0);
    }

    // The kernels of a formula: a module of their own, so that none is compiled that nobody uses.
    private sealed class Packs(CudaContext context, BinaryFormula formula, ComputePrecision stored)
    {
        private readonly string _file = $"BinaryPacks.cu FORMULA={formula}";

        public KernelFunction Flat => field ??= new(context, _file, NarrowName.Of("binary_flat", stored));

        public KernelFunction Walked => field ??= new(context, _file, NarrowName.Of("binary_walked", stored));

        public KernelFunction BackwardA => field ??= new(context, _file, "binary_backward_a");

        public KernelFunction BackwardB => field ??= new(context, _file, "binary_backward_b");
    }
}
