using BenchmarkDotNet.Running;

// dotnet run -c Release --project bench -- --filter '*Conv2D*'
BenchmarkSwitcher.FromAssembly(typeof(Graft.Bench.HostBuffer).Assembly).Run(args);
