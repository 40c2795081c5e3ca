using System.Globalization;
using Graft.Bench.Quick;
using Graft.Bench.Suite;
using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Kernels.Cuda.Native;

namespace Graft.Bench.Gpu;

/// <summary>Kernel by kernel: naive, the engine's own, the library's. Each result is compared with the processor's, at tiny sizes the reference kernels', before it is timed.</summary>
internal sealed class Ladder : IDisposable
{
    private readonly Dictionary<bool, CudaKernelSet> _sets = [];

    /// <summary>Measures all.</summary>
    public static void Run(GpuOptions options, GpuResults results)
    {
        using var ladder = new Ladder();
        bool hasCudnn = NativeLibraries.OfProcess[NativeLibraries.Cudnn].IsFound;
        foreach (LadderCase each in LadderCases.Of(options.IsTiny).Where(c => options.Wants(c.Op.Name)))
        {
            float[] expected = Expected(each.Op, options.IsTiny ? KernelSet.Reference : KernelSet.Cpu);
            foreach (Rung rung in each.Rungs)
            {
                var row = new GpuRow { Part = "ladder", Name = each.Op.Name, Variant = rung.Name, Flops = each.Op.Flops, Bytes = each.Op.Bytes };
                if (rung.IsCudnn && !hasCudnn)
                    results.Add(row with { Note = "cuDNN was not found" });
                else
                    results.Try(row, () => ladder.Try(row, each.Op, rung, expected, options.IsOnce));
            }
        }
    }

    public void Dispose()
    {
        foreach (CudaKernelSet set in _sets.Values)
            set.Dispose();
    }

    private static float[] Expected(OpCase op, KernelSet kernels)
    {
        using var workspace = new Workspace(kernels.Memory);
        op.Graft(kernels, workspace, op.Batch)();
        return workspace.Result();
    }

    /// <summary>A library that does not take what it is asked for is no failure.</summary>
    private GpuRow Try(GpuRow row, OpCase op, Rung rung, float[] expected, bool isOnce)
    {
        try
        {
            return Measure(row, op, rung, expected, isOnce);
        }
        catch (Exception e) when (rung.IsRefusedBy(e))
        {
            return row with { Note = $"cuDNN does not take it: {e.Message.ReplaceLineEndings(" ")}" };
        }
    }

    private GpuRow Measure(GpuRow row, OpCase op, Rung rung, float[] expected, bool isOnce)
    {
        CudaKernelSet set = Set(rung.UsesCudnn);
        using var workspace = new Workspace(set.Memory);
        Action run = (rung.Make ?? op.Graft)(set, workspace, op.Batch);
        run();
        double deviation = OutputCheck.Deviation(workspace.Result(), expected);
        if (!(deviation <= op.Tolerance))
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"the result deviates from the processor's by {deviation:g3}; {op.Tolerance:g3} is allowed; it is not timed"));
        return new GpuClock(set.Context, isOnce).Measure(row with { Deviation = deviation }, run, budget: 0.25);
    }

    private CudaKernelSet Set(bool usesCudnn)
    {
        if (!_sets.TryGetValue(usesCudnn, out CudaKernelSet? set))
            _sets.Add(usesCudnn, set = new CudaKernelSet(CudaContext.Open(0, CudaOptions.Read(Environment.GetEnvironmentVariable) with { UsesCudnn = usesCudnn })));
        return set;
    }
}
