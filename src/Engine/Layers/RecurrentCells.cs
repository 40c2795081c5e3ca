using System.Text.Json.Nodes;

namespace Graft.Layers;

/// <summary>An <see cref="LSTM"/> as a part of an <see cref="RNN"/>, whose settings of the steps hold for it. Matches Keras's LSTMCell.</summary>
public sealed class LSTMCell : LSTM
{
    /// <inheritdoc/>
    public LSTMCell(int units)
        : base(units)
    {
    }

    internal LSTMCell(JsonNode config)
        : base(config)
    {
    }
}

/// <summary>A <see cref="GRU"/> as a part of an <see cref="RNN"/>, whose settings of the steps hold for it. Matches Keras's GRUCell.</summary>
public sealed class GRUCell : GRU
{
    /// <inheritdoc/>
    public GRUCell(int units)
        : base(units)
    {
    }

    internal GRUCell(JsonNode config)
        : base(config)
    {
    }
}

/// <summary>A <see cref="SimpleRNN"/> as a part of an <see cref="RNN"/>, whose settings of the steps hold for it. Matches Keras's SimpleRNNCell.</summary>
public sealed class SimpleRNNCell : SimpleRNN
{
    /// <inheritdoc/>
    public SimpleRNNCell(int units)
        : base(units)
    {
    }

    internal SimpleRNNCell(JsonNode config)
        : base(config)
    {
    }
}
