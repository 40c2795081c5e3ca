using BenchmarkDotNet.Running;
using Graft.Bench;
using Graft.Bench.Ops;
using Graft.Bench.Quick;

// dotnet run -c Release --project bench -- quick, -- plan resnet50-forward-b32, -- gemm, -- convolutions [network [batch]], or -- --filter '*Conv2D*' for the ops
return args switch
{
    ["quick", .. string[] rest] => QuickBench.Run(rest),
    ["plan", .. string[] rest] => PlanBench.Run(rest),
    ["gemm"] => GemmBench.Run(),
    ["convolutions", .. string[] rest] => RunConvolutions(rest),
    _ => RunOps(args),
};

static int RunConvolutions(string[] arguments)
{
    FusedConv2DBench.Run(arguments);
    return 0;
}

static int RunOps(string[] arguments)
{
    BenchmarkSwitcher.FromAssembly(typeof(HostBuffer).Assembly).Run(arguments);
    return 0;
}
