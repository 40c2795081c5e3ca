using System.Diagnostics;
using Graft.Ops;

namespace Graft.Autograd;

/// <summary>Where the time of training steps goes: the shortest forward and backward run of each op over the steps that were given it.</summary>
internal sealed class OpTimes
{
    private readonly SortedDictionary<int, Entry> _entries = [];

    /// <summary>The ops that ran, in their order.</summary>
    public IEnumerable<Entry> Entries => _entries.Values;

    /// <summary>Notes a forward run that began at a <see cref="Stopwatch"/> time.</summary>
    public void AddForward(int number, OpCall call, long start)
    {
        long ticks = Stopwatch.GetTimestamp() - start;
        if (!_entries.TryGetValue(number, out Entry? entry))
        {
            Shape[] shapes = [.. call.Inputs.ToArray().Select(i => i.Shape)];
            _entries.Add(number, entry = new Entry(call.Layer, call.Op.Name, string.Join(' ', shapes.Select(s => s.ToString())), call.Op.Flops(shapes), (call.Needs(0) ? 1 : 0) + (call.Needs(1) ? 1 : 0)));
        }
        entry.Forward = Math.Min(entry.Forward, ticks);
    }

    /// <summary>Notes a backward run.</summary>
    public void AddBackward(int number, long start)
    {
        if (_entries.TryGetValue(number, out Entry? entry))
            entry.Backward = Math.Min(entry.Backward, Stopwatch.GetTimestamp() - start);
    }

    /// <summary>One op.</summary>
    /// <param name="Layer">The layer that ran it.</param>
    /// <param name="Op">Its name.</param>
    /// <param name="Shapes">Shapes of its inputs.</param>
    /// <param name="Flops">Of the forward run.</param>
    /// <param name="Gradients">How many of its first two inputs a gradient is computed for: backward takes that many times the forward's operations.</param>
    internal sealed record Entry(string Layer, string Op, string Shapes, long Flops, int Gradients)
    {
        /// <summary>Shortest run in ticks of <see cref="Stopwatch"/>; the largest number where there was none.</summary>
        public long Forward { get; set; } = long.MaxValue;

        /// <inheritdoc cref="Forward"/>
        public long Backward { get; set; } = long.MaxValue;

        /// <summary>Seconds of a number of ticks, 0 where there was no run.</summary>
        public static double Seconds(long ticks) => ticks == long.MaxValue ? 0 : (double)ticks / Stopwatch.Frequency;
    }
}
