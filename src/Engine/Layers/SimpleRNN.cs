using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Layers;

/// <summary>The recurrent layer with one gate: h = activation(x kernel + h' recurrent_kernel + bias).</summary>
/// <remarks>
/// x [N,T,I], kernel [I,units], recurrent_kernel [units,units], bias [units]; y [N,units], or [N,T,units] with ReturnSequences. Matches Keras's SimpleRNN.
/// Elman 1990.
/// </remarks>
public class SimpleRNN : RecurrentUnits
{
    /// <param name="units">Numbers of the state.</param>
    public SimpleRNN(int units)
        : base(units)
    {
    }

    internal SimpleRNN(JsonNode config)
        : base(config)
    {
    }

    private protected override RecurrentKind Kind => RecurrentKind.Simple;
}
