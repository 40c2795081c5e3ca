using System.Globalization;
using Graft.Autograd;
using Graft.Layers;

namespace Graft.Training;

/// <summary>What one training step held in memory.</summary>
/// <remarks>Not in it: the host's batches, and small buffers that kernels keep for each thread.</remarks>
/// <param name="KeptBytes">Bytes held for backward by each layer's path; a frozen base has no entry.</param>
/// <param name="PeakBytes">The most bytes of the device's pool that were in use at once, since the program began.</param>
/// <param name="LiveBytes">Bytes in use after the step: parameters, gradients, optimizer slots and what was kept.</param>
public sealed record MemoryReport(IReadOnlyDictionary<string, long> KeptBytes, long PeakBytes, long LiveBytes)
{
    /// <summary>How many tensors are named where nobody says it.</summary>
    internal const int Shown = 10;

    /// <summary>Every tensor of the step, the largest first; equally large ones as they came.</summary>
    public IReadOnlyList<HeldTensor> Tensors
    {
        get;
        init => field = [.. value.OrderByDescending(t => t.Bytes)];
    } = [];

    /// <summary>Bytes held for backward by all layers.</summary>
    public long TotalKeptBytes => KeptBytes.Values.Sum();

    /// <summary>Bytes held for backward by a layer or by all layers of a nested model.</summary>
    public long KeptBy(string path) =>
        KeptBytes.Where(k => k.Key == path || k.Key.StartsWith(path + "/", StringComparison.Ordinal)).Sum(k => k.Value);

    /// <summary>Bytes of all tensors of one use.</summary>
    public long BytesOf(MemoryUse use) => Tensors.Where(t => t.Use == use).Sum(t => t.Bytes);

    /// <summary>One line a layer and the totals, then the largest tensors.</summary>
    public override string ToString() => ToString(Shown);

    /// <summary>The same with as many tensors as asked for.</summary>
    /// <param name="tensors">How many of the largest tensors are named.</param>
    public string ToString(int tensors)
    {
        int width = KeptBytes.Keys.Concat(Tensors.Take(tensors).Select(t => t.Path)).Append("all").Max(n => n.Length);
        IEnumerable<string> kept = KeptBytes.Select(k => Line(k.Key, k.Value, "kept for backward", width));
        string all = Line("all", TotalKeptBytes, string.Create(CultureInfo.InvariantCulture, $"kept, {PeakBytes / 1048576.0:0.00} MiB at the peak"), width);
        return string.Join('\n', [.. kept, all, .. Largest(tensors, width)]);
    }

    /// <summary>The largest tensors, a line each.</summary>
    internal IEnumerable<string> Largest(int tensors, int width = 0) => Tensors.Take(tensors).Select(t => Line(t.Path, t.Bytes, $"{Name(t.Use)} {t.Shape}", width));

    /// <summary>What a step holds at its end, before its tape gives all back.</summary>
    internal static MemoryReport Of(Model model, Tape tape, Optimizer optimizer, GradientAccumulator sums)
    {
        (string Path, Parameter Parameter)[] parameters = [.. model.NamedParameters().DistinctBy(p => p.Parameter)];
        var tensors = new List<HeldTensor>(tape.Held);
        var paths = new Dictionary<Tensor, string>();
        foreach ((string path, Parameter parameter) in parameters)
        {
            if (parameter.Memory is not { } value)
                continue; // never used: its memory is not taken yet
            paths[value] = path;
            tensors.Add(Of(path, MemoryUse.Parameter, value));
            if (tape.Gradient(value) is { } gradient)
                tensors.Add(Of(path, MemoryUse.Gradient, gradient));
            if (sums.Find(parameter) is { } sum)
                tensors.Add(Of($"{path}/sum", MemoryUse.Gradient, sum));
            tensors.AddRange(optimizer.Slots(parameter).Select(s => Of($"{path}/{s.Name}", MemoryUse.OptimizerSlot, s.Slot)));
        }
        tensors.AddRange(model.Plans.Held(paths));
        return new MemoryReport(tape.KeptBytes.ToDictionary(), model.Device.Pool.PeakBytes, model.Device.Pool.LiveBytes) { Tensors = tensors };
    }

    private static HeldTensor Of(string path, MemoryUse use, Tensor tensor) => new(path, use, tensor.Shape, tensor.Bytes);

    private static string Line(string what, long bytes, string rest, int width) => string.Create(CultureInfo.InvariantCulture, $"{what.PadRight(width)} {bytes / 1048576.0,10:0.00} MiB {rest}");

    private static string Name(MemoryUse use) => use switch
    {
        MemoryUse.Activation => "activation",
        MemoryUse.Parameter => "parameter",
        MemoryUse.Gradient => "gradient",
        MemoryUse.OptimizerSlot => "optimizer slot",
        _ => "scratch",
    };
}
