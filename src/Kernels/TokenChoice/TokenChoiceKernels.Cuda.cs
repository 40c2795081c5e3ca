using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaTokenChoiceKernels(CudaContext context) : TokenChoiceKernels
{
    private const int Threads = 1024; // as in TokenChoice.cu

    private readonly KernelFunction _greedy = new(context, "TokenChoice.cu", "choose_greatest"), _draw = new(context, "TokenChoice.cu", "draw_token");

    public override void Forward(in TokenChoiceGeometry g, DevicePtr<float> logits, DevicePtr<int> counters, DevicePtr<int> tokens)
    {
        if (g.Samples)
            _draw.Launch(g.Rows, Threads, logits, counters.Address, tokens.Address, g.Rows, g.V, g.Temperature, g.TopK, g.TopP, g.Seed);
        else
            _greedy.Launch(g.Rows, Threads, logits, counters.Address, tokens.Address, g.Rows, g.V);
    }
}
