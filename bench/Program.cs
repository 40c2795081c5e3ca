using Graft.Bench;
using Graft.Bench.Gpu;
using Graft.Bench.Ops;
using Graft.Bench.Precision;
using Graft.Bench.Quick;
using Graft.Bench.Suite;

// Figures are the processor's, but those whose name says cuda.
if (Environment.GetEnvironmentVariable("GRAFT_DEVICE") is null)
    Environment.SetEnvironmentVariable("GRAFT_DEVICE", "cpu");

return BenchMode.Dispatch(
    [
        new(QuickOptions.Usage, "whole networks beside ONNX Runtime, training steps beside libtorch", a => QuickBench.Run(a)),
        new(OpSuite.Usage, "single ops and the networks, by vector width and by library", a => OpSuite.Run(a)) { IsDefault = true },
        new(PlanBench.Usage, "where the time of a forward pass goes, step by step", a => PlanBench.Run(a)),
        new(StepBench.Usage, "where the time of a training step goes, op by op, forward and backward", a => StepBench.Run(a)),
        new(ConvolutionOptions.Usage, "every algorithm of the frozen convolution, layer by layer", a => FusedConv2DBench.Run(a)),
        new(GemmBench.Usage, "the matrix product at sizes of the networks, beside the peak", a => GemmBench.Run(a)),
        new(GpuOptions.Usage, "everything on a GPU; scripts/gpu-check runs it beside PyTorch", a => GpuCheck.Run(a)),
        new(PrecisionOptions.Usage, "what weights of 16 and 8 bits cost in perplexity", a => PrecisionBench.Run(a)),
    ], args, Console.Out, Console.Error);
