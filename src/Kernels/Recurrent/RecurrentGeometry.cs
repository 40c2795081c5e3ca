namespace Graft.Kernels;

/// <summary>Sizes of a recurrent layer, and the order of its steps.</summary>
/// <param name="Kind">The cell.</param>
/// <param name="N">Sequences.</param>
/// <param name="T">Steps.</param>
/// <param name="U">Units: numbers of a state.</param>
/// <param name="Activation">Of the new value and of the output.</param>
/// <param name="RecurrentActivation">Of the other gates.</param>
/// <param name="ReadsBackwards">Step 0 reads the last input.</param>
/// <param name="WritesBackwards">Step 0 writes the last output: with both, output t belongs to input t.</param>
public readonly record struct RecurrentGeometry(
    RecurrentKind Kind, int N, int T, int U, GateFunction Activation, GateFunction RecurrentActivation, bool ReadsBackwards = false, bool WritesBackwards = false)
{
    /// <summary>Gates: the weights have Gates U columns.</summary>
    public int Gates => GatesOf(Kind);

    /// <summary>States: the output has States U numbers a step.</summary>
    public int States => StatesOf(Kind);

    /// <summary>Numbers that forward leaves for backward a unit: the gates, and for reset-after the product that the reset gate multiplies.</summary>
    public int SavedGates => Kind == RecurrentKind.GruResetAfter ? 4 : Gates;

    /// <summary>True where backward reads the sums before the functions.</summary>
    public bool SavesSums => Activation.NeedsInput || (Kind != RecurrentKind.Simple && RecurrentActivation.NeedsInput);

    /// <summary>Floats that <see cref="RecurrentKernels.Backward"/> takes as its work: the states before each step as they were multiplied, and where the gradient of
    /// the products differs from that of the inputs (GRU) what it is made of.</summary>
    public long WorkCount => (long)N * T * U * Kind switch { RecurrentKind.Gru => 2, RecurrentKind.GruResetAfter => 4, _ => 1 };

    /// <summary>Multiplications and additions of one forward run: the recurrent products.</summary>
    public long Flops => 2L * N * T * U * Gates * U;

    /// <summary>The input that a step reads.</summary>
    public int Input(int step) => ReadsBackwards ? T - 1 - step : step;

    /// <summary>The output that a step writes.</summary>
    public int Output(int step) => WritesBackwards ? T - 1 - step : step;

    /// <summary>Gates of a kind.</summary>
    public static int GatesOf(RecurrentKind kind) => kind switch { RecurrentKind.Simple => 1, RecurrentKind.Lstm => 4, _ => 3 };

    /// <summary>States of a kind.</summary>
    public static int StatesOf(RecurrentKind kind) => kind == RecurrentKind.Lstm ? 2 : 1;
}
