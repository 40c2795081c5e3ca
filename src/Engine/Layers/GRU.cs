using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Layers;

/// <summary>Gated recurrent unit: gates z, r, h; one state.</summary>
/// <remarks>
/// x [N,T,I], kernel [I,3 units], recurrent_kernel [units,3 units], bias [2,3 units] (inputs, recurrent product) with ResetAfter, else [3 units]; y [N,units], or
/// [N,T,units] with ReturnSequences. Matches Keras's GRU. Formulas: <see cref="RecurrentKernels"/>. Cho et al. 2014, arXiv:1406.1078.
/// </remarks>
public class GRU : RecurrentUnits
{
    /// <param name="units">Numbers of a state.</param>
    public GRU(int units)
        : base(units)
    {
    }

    internal GRU(JsonNode config)
        : base(config)
    {
        RecurrentActivation = Enum.Parse<Activation>((string)config["recurrent_activation"]!);
        ResetAfter = (bool)config["reset_after"]!;
    }

    /// <summary>Applied to the gates z and r. Keras before TensorFlow 2 had <see cref="Activation.HardSigmoidKeras2"/>.</summary>
    public Activation RecurrentActivation { get; init; } = Activation.Sigmoid;

    /// <summary>True: the reset gate multiplies the product of the state, as in cuDNN and by default since TensorFlow 2; false: the state before the product.</summary>
    public bool ResetAfter { get; init; } = true;

    private protected override RecurrentKind Kind => ResetAfter ? RecurrentKind.GruResetAfter : RecurrentKind.Gru;

    private protected override Activation GateActivation => RecurrentActivation;

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["recurrent_activation"] = RecurrentActivation.ToString();
        config["reset_after"] = ResetAfter;
    }
}
