using BenchmarkDotNet.Running;
using Graft.Bench.Ops;

// dotnet run -c Release --project bench -- --filter '*Conv2D*', or -- gemm for the matrix product beside the multiply-add peak,
// or -- convolutions [network [batch]] for the fused convolutions of VGG16 and ResNet50
if (args is ["gemm"])
    GemmBench.Run();
else if (args is ["convolutions", ..])
    FusedConv2DBench.Run(args[1..]);
else
    BenchmarkSwitcher.FromAssembly(typeof(Graft.Bench.HostBuffer).Assembly).Run(args);
