using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Layers;

/// <summary>Long short-term memory: gates i, f, c, o; states h and c.</summary>
/// <remarks>
/// x [N,T,I], kernel [I,4 units], recurrent_kernel [units,4 units], bias [4 units]; y [N,units], or [N,T,units] with ReturnSequences. Matches Keras's LSTM.
/// Formulas: <see cref="RecurrentKernels"/>. Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
/// </remarks>
public class LSTM : RecurrentUnits
{
    /// <param name="units">Numbers of a state.</param>
    public LSTM(int units)
        : base(units)
    {
    }

    internal LSTM(JsonNode config)
        : base(config)
    {
        RecurrentActivation = Enum.Parse<Activation>((string)config["recurrent_activation"]!);
        UnitForgetBias = (bool)config["unit_forget_bias"]!;
    }

    /// <summary>Applied to the gates i, f and o. Keras before TensorFlow 2 had <see cref="Activation.HardSigmoidKeras2"/>.</summary>
    public Activation RecurrentActivation { get; init; } = Activation.Sigmoid;

    /// <summary>True starts the bias of the forget gate at 1.</summary>
    public bool UnitForgetBias { get; init; } = true;

    private protected override RecurrentKind Kind => RecurrentKind.Lstm;

    private protected override Activation GateActivation => RecurrentActivation;

    private protected override Initializer BiasInitializer => UnitForgetBias ? Initializers.ForgetBias : Initializers.Zeros;

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["recurrent_activation"] = RecurrentActivation.ToString();
        config["unit_forget_bias"] = UnitForgetBias;
    }
}
