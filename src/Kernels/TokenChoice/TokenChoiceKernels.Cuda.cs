using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaTokenChoiceKernels(CudaContext context) : TokenChoiceKernels
{
    private const int Threads = 1024, GreedyThreads = 256, GreedyLogits = 4096; // as in TokenChoice.cu
    private const int PartialBytes = 8;

    private readonly KernelFunction _greedy = new(context, "TokenChoice.cu", "choose_greatest"), _draw = new(context, "TokenChoice.cu", "draw_token");

    public override void Forward(in TokenChoiceGeometry g, DevicePtr<float> logits, DevicePtr<int> counters, DevicePtr<int> tokens)
    {
        if (g.Samples)
            _draw.Launch(g.Rows, Threads, logits, counters.Address, tokens.Address, g.Rows, g.V, g.Temperature, g.TopK, g.TopP, g.Seed);
        else
            Greatest(g, logits, counters, tokens);
    }

    private void Greatest(in TokenChoiceGeometry g, DevicePtr<float> logits, DevicePtr<int> counters, DevicePtr<int> tokens)
    {
        int parts = (g.V + GreedyLogits - 1) / GreedyLogits;
        if (g.Rows > CudaTickets.Count)
            throw new GraftException($"TokenChoice: {g.Rows} sequences; {CudaTickets.Count} are the most.");
        using CudaScratch partials = parts > 1 ? new(context, (long)g.Rows * parts * PartialBytes) : default;
        _greedy.LaunchChained(g.Rows, parts, GreedyThreads, 0, true, logits, counters.Address, tokens.Address, partials.Address, parts > 1 ? context.Tickets.Address : 0, g.Rows, g.V);
    }
}
