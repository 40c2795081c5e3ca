namespace Graft.Kernels;

internal sealed unsafe class ReferenceRmsPropStepKernels : RmsPropStepKernels
{
    public override void Step(in RmsPropStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> v, DevicePtr<float> m, DevicePtr<float> mean)
    {
        for (long i = 0; i < count; i++)
        {
            double gradient = g.Pointer[i];
            double square = (double)s.Rho * v.Pointer[i] + (1.0 - s.Rho) * gradient * gradient;
            v.Pointer[i] = (float)square;
            if (!mean.IsNull)
            {
                double average = (double)s.Rho * mean.Pointer[i] + (1.0 - s.Rho) * gradient;
                mean.Pointer[i] = (float)average;
                square -= average * average;
            }
            double move = s.Rate * gradient / (Math.Sqrt(square + s.Epsilon) + s.OuterEpsilon);
            if (!m.IsNull)
            {
                move += (double)s.Momentum * m.Pointer[i];
                m.Pointer[i] = (float)move;
            }
            w.Pointer[i] = (float)(w.Pointer[i] - move);
        }
    }
}
