using System.Runtime.ExceptionServices;
using Graft.Kernels;
using Graft.Layers;

namespace Graft.Weights;

/// <summary>One array on its way from a file into a parameter: read and checked first, valid only once all others are.</summary>
/// <remarks>
/// A parameter without numbers gets new memory, which becomes its own on <see cref="Commit"/>: nothing is read twice, no copy is made.
/// One that has numbers keeps them until then; its array is read once to be checked and once more into place.
/// </remarks>
internal sealed class WeightTransfer(WeightFile file, string path, Parameter parameter, WeightName name)
{
    private Tensor? _fresh;

    /// <summary>Name of the array.</summary>
    public string Array => name.Name;

    /// <summary>What is wrong with the array, null for nothing.</summary>
    public string? Fault { get; private set; }

    private bool NeedsNoScratch => file.ReadsInPlace && name.Layout == WeightLayout.Same && !parameter.HasValue;

    /// <summary>Checks all shapes, then reads and checks the numbers; where no memory is needed for it, on several threads.</summary>
    public static void FetchAll(IReadOnlyList<WeightTransfer> transfers)
    {
        foreach (WeightTransfer transfer in transfers)
            transfer.CheckShape();
        WeightTransfer[] fitting = [.. transfers.Where(t => t.Fault is null).OrderByDescending(t => t.Count)]; // the largest first: threads end together
        SideBySide([.. fitting.Where(t => t.NeedsNoScratch)]);
        float[] scratch = [];
        foreach (WeightTransfer transfer in fitting.Where(t => !t.NeedsNoScratch))
            transfer.Fetch(ref scratch);
    }

    /// <summary>Makes the numbers those of the parameters.</summary>
    public static void CommitAll(IEnumerable<WeightTransfer> transfers)
    {
        float[] scratch = [];
        foreach (WeightTransfer transfer in transfers.Where(t => t.Fault is null).OrderByDescending(t => t.Count))
            transfer.Commit(ref scratch);
    }

    /// <summary>Gives memory back that no parameter took over.</summary>
    public void Discard()
    {
        _fresh?.Release();
        _fresh = null;
    }

    private long Count => parameter.Shape.Count;

    private static void SideBySide(WeightTransfer[] transfers)
    {
        int next = -1;
        try
        {
            Parallel.For(0, Math.Clamp(transfers.Length, 1, CpuThreads.Count), _ =>
            {
                float[] none = [];
                for (int i = Interlocked.Increment(ref next); i < transfers.Length; i = Interlocked.Increment(ref next))
                    transfers[i].Fetch(ref none);
            });
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private void CheckShape()
    {
        Shape expected = name.FileShape(parameter.Shape), found = file.ShapeOf(name.Name);
        if (!found.Equals(expected))
            Fault = $"{path}: '{name.Name}' has shape {found}, {expected} is due";
    }

    private void Fetch(ref float[] scratch)
    {
        if (parameter.HasValue)
        {
            Span<float> values = Room(ref scratch);
            file.ReadInto(name.Name, values);
            CheckNumbers(values);
            return;
        }
        _fresh = Tensor.Allocate(parameter.Device, parameter.Shape);
        Read(_fresh, ref scratch);
        CheckNumbers(_fresh.HostView());
    }

    private void Commit(ref float[] scratch)
    {
        if (_fresh is null)
        {
            Read(parameter.Value, ref scratch);
            return;
        }
        parameter.Adopt(_fresh);
        _fresh = null;
    }

    private void Read(Tensor tensor, ref float[] scratch)
    {
        if (name.Layout == WeightLayout.Same)
        {
            tensor.Fill(values => file.ReadInto(name.Name, values));
            return;
        }
        Room(ref scratch);
        float[] stored = scratch;
        file.ReadInto(name.Name, stored.AsSpan(0, (int)Count));
        tensor.Fill(values => name.Convert(stored.AsSpan(0, (int)Count), parameter.Shape, values));
    }

    private Span<float> Room(ref float[] scratch)
    {
        int count = checked((int)Count);
        if (scratch.Length < count)
            scratch = new float[count];
        return scratch.AsSpan(0, count);
    }

    private void CheckNumbers(ReadOnlySpan<float> values)
    {
        int bad = NonFinite.IndexIn(values);
        if (bad >= 0)
            Fault = $"{path}: '{name.Name}' holds {values[bad]} at element {bad}";
    }
}
