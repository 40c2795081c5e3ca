namespace Graft.Bench.Suite;

/// <summary>One op at one size of a real network, and all that may compute it.</summary>
/// <param name="Name">Network and size, as a row of the table has it.</param>
/// <param name="Flops">Multiplications and additions of a run, or comparisons; 0 where an op has none.</param>
/// <param name="Bytes">The least that a run has to move: each input read once, each output written once.</param>
internal sealed record OpCase(string Name, double Flops, double Bytes)
{
    /// <summary>Work of this size and less the plain loops do in a fraction of a second.</summary>
    private const double MostForReference = 3e8;

    /// <summary>Makes a run of a kernel set: its arguments are taken from the workspace, for that many samples.</summary>
    public required Func<Kernels.KernelSet, Workspace, int, Action> Graft { get; init; }

    /// <summary>Samples of a full run.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Samples whose results are compared with the plain loops': the first ones of a run.</summary>
    public int CheckedBatch { get; init; } = 1;

    /// <summary>The same in ONNX Runtime; null where it has no such op.</summary>
    public Func<Peer>? Ort { get; init; }

    /// <summary>The same in libtorch; null where it has no such op.</summary>
    public Func<Peer>? Torch { get; init; }

    /// <summary>False for ops whose kernels have one width for all processors: one row "cpu" instead of one a width.</summary>
    public bool HasWidths { get; init; } = true;

    /// <summary>Largest deviation that passes, as <see cref="Quick.OutputCheck"/> counts it: 1e-5 is some 100 roundings.</summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>Whether the plain loops are timed as well.</summary>
    public bool TimesReference { get; init; } = Math.Max(Flops, Bytes / 4) <= MostForReference;

    /// <summary>What results are compared with; null for the plain loops over <see cref="CheckedBatch"/> samples.</summary>
    public Func<float[]>? Expected { get; init; }

    /// <summary>A whole model in place of <see cref="Graft"/>.</summary>
    public Func<Device, Peer>? GraftModel { get; init; }

    public override string ToString() => Name;
}

/// <summary>The same op in another library.</summary>
/// <param name="Run">One run.</param>
/// <param name="Output">The result of the last run, in Graft's order.</param>
/// <param name="Dispose">Gives everything back.</param>
internal sealed record Peer(Action Run, Func<float[]> Output, Action Dispose);
