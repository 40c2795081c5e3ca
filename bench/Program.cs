using Graft.Bench.Gpu;
using Graft.Bench.Ops;
using Graft.Bench.Precision;
using Graft.Bench.Quick;
using Graft.Bench.Suite;

// Figures are the processor's, but those whose name says cuda.
if (Environment.GetEnvironmentVariable("GRAFT_DEVICE") is null)
    Environment.SetEnvironmentVariable("GRAFT_DEVICE", "cpu");

// dotnet run -c Release --project bench -- quick, -- plan resnet50-forward-b32, -- step resnet50-train-step-b16, -- gemm, -- precision text.txt, -- gpu, -- convolutions [network [batch]], or -- ops --filter '*Conv2D*'; see docs/benchmarks.md
return args switch
{
    ["quick", .. string[] rest] => QuickBench.Run(rest),
    ["plan", .. string[] rest] => PlanBench.Run(rest),
    ["step", .. string[] rest] => StepBench.Run(rest),
    ["precision", .. string[] rest] => PrecisionBench.Run(rest),
    ["gpu", .. string[] rest] => GpuCheck.Run(rest),
    ["gemm"] => GemmBench.Run(),
    ["convolutions", .. string[] rest] => RunConvolutions(rest),
    ["ops", .. string[] rest] => OpSuite.Run(rest),
    _ => OpSuite.Run(args),
};

static int RunConvolutions(string[] arguments)
{
    FusedConv2DBench.Run(arguments);
    return 0;
}
