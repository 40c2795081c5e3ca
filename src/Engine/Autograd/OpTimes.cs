using Graft.Ops;

namespace Graft.Autograd;

/// <summary>Where the time of training steps goes: the shortest forward and backward run of each op over the steps that were given it.</summary>
/// <param name="clock">Seconds now: of the wall, or of the thread where it does all the work and shares its core with others.</param>
internal sealed class OpTimes(Func<double> clock)
{
    private readonly SortedDictionary<(int Number, int Conversion), Entry> _entries = [];

    /// <summary>The ops that ran, in their order.</summary>
    public IEnumerable<Entry> Entries => _entries.Values;

    /// <summary>The time now.</summary>
    public double Now => clock();

    /// <summary>Seconds of the shortest update of weights; infinity before the first. Gradients that backward leaves to the optimizer are made in it.</summary>
    public double Update { get; private set; } = double.PositiveInfinity;

    /// <summary>Notes an update that began at <paramref name="start"/>.</summary>
    public void AddUpdate(double start) => Update = Math.Min(Update, Now - start);

    /// <summary>Notes a forward run that began at <paramref name="start"/>.</summary>
    public void AddForward(OpCall call, double start)
    {
        double seconds = Now - start;
        if (!_entries.TryGetValue((call.Number, call.Conversion), out Entry? entry))
        {
            Shape[] shapes = [.. call.Inputs.ToArray().Select(i => i.Shape)];
            _entries.Add((call.Number, call.Conversion), entry = new Entry(call.Layer, call.Op.Name, string.Join(' ', shapes.Select(s => s.ToString())), call.Op.Flops(shapes), (call.Needs(0) ? 1 : 0) + (call.Needs(1) ? 1 : 0)));
        }
        entry.Forward = Math.Min(entry.Forward, seconds);
    }

    /// <summary>Notes a backward run.</summary>
    /// <param name="call">The op's call.</param>
    /// <param name="start">When it began.</param>
    /// <param name="defers">True where it left the gradient of its weight to the optimizer.</param>
    public void AddBackward(OpCall call, double start, bool defers)
    {
        if (!_entries.TryGetValue((call.Number, call.Conversion), out Entry? entry))
            return;
        entry.Backward = Math.Min(entry.Backward, Now - start);
        entry.DefersGradient = defers;
    }

    /// <summary>One op.</summary>
    /// <param name="Layer">The layer that ran it.</param>
    /// <param name="Op">Its name.</param>
    /// <param name="Shapes">Shapes of its inputs.</param>
    /// <param name="Flops">Of the forward run.</param>
    /// <param name="Gradients">How many of its first two inputs a gradient is wanted for: each takes the forward's operations once.</param>
    internal sealed record Entry(string Layer, string Op, string Shapes, long Flops, int Gradients)
    {
        /// <summary>Seconds of the shortest run; infinity where there was none.</summary>
        public double Forward { get; set; } = double.PositiveInfinity;

        /// <inheritdoc cref="Forward"/>
        public double Backward { get; set; } = double.PositiveInfinity;

        /// <summary>True where the optimizer makes the gradient of the weight: the operations are part of <see cref="Update"/>.</summary>
        public bool DefersGradient { get; set; }

        /// <summary>Operations of the backward run.</summary>
        public long BackwardFlops => Flops * (DefersGradient ? Gradients - 1 : Gradients);
    }
}
