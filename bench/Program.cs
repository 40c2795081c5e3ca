using BenchmarkDotNet.Running;
using Graft.Bench.Ops;

// dotnet run -c Release --project bench -- --filter '*Conv2D*', or -- gemm for the matrix product beside the multiply-add peak
if (args is ["gemm"])
    GemmBench.Run();
else
    BenchmarkSwitcher.FromAssembly(typeof(Graft.Bench.HostBuffer).Assembly).Run(args);
