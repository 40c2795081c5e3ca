namespace Graft.Kernels;

internal sealed unsafe class ReferenceDropoutKernels : DropoutKernels
{
    public override void Forward(in DropoutGeometry g, DevicePtr<float> x, DevicePtr<float> y) => BackwardInput(g, x, y, 0);

    public override void BackwardInput(in DropoutGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (long i = 0; i < g.Count; i++)
        {
            var (a, b, c, d) = Philox.Block(g.Seed, i / 4);
            uint word = (i % 4) switch { 0 => a, 1 => b, 2 => c, _ => d };
            BetaStore.Store(ref dx.Pointer[i], Philox.Unit(word) >= g.Rate ? dy.Pointer[i] * g.Scale : 0, beta);
        }
    }
}
