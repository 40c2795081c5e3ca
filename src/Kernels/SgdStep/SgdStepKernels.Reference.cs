namespace Graft.Kernels;

internal sealed unsafe class ReferenceSgdStepKernels : SgdStepKernels
{
    public override void Step(in SgdStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> v)
    {
        for (long i = 0; i < count; i++)
        {
            double move = -(double)s.Rate * g.Pointer[i];
            if (s.Momentum != 0)
            {
                double velocity = (double)s.Momentum * v.Pointer[i] + move;
                v.Pointer[i] = (float)velocity;
                move = s.Nesterov ? s.Momentum * velocity + move : velocity;
            }
            w.Pointer[i] = (float)(w.Pointer[i] + move);
        }
    }
}
