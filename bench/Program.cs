using BenchmarkDotNet.Running;
using Graft.Bench;
using Graft.Bench.Ops;
using Graft.Bench.Quick;

// dotnet run -c Release --project bench -- quick, -- gemm, or -- --filter '*Conv2D*' for the ops; see docs/benchmarks.md
return args switch
{
    ["quick", .. string[] rest] => QuickBench.Run(rest),
    ["gemm"] => GemmBench.Run(),
    _ => RunOps(args),
};

static int RunOps(string[] arguments)
{
    BenchmarkSwitcher.FromAssembly(typeof(HostBuffer).Assembly).Run(arguments);
    return 0;
}
