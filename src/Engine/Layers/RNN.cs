using System.Text.Json.Nodes;
using Graft.Autograd;

namespace Graft.Layers;

/// <summary>One cell, or several on top of each other, over all steps. Matches Keras's RNN with a cell, or with StackedRNNCells.</summary>
/// <remarks>
/// A cell above reads the outputs of the one below, so each runs over all steps before the next begins. The states are those of the first cell, then of the second,
/// and so on. Parameters are named by the cell: "rnn/lstm_cell/kernel".
/// </remarks>
public sealed class RNN : RecurrentLayer
{
    private readonly RecurrentUnits[] _cells;

    /// <param name="cells">From the bottom up: <see cref="LSTMCell"/>, <see cref="GRUCell"/>, <see cref="SimpleRNNCell"/>.</param>
    /// <exception cref="GraftException">There is none, or two have the same name.</exception>
    public RNN(params RecurrentUnits[] cells) => _cells = Named(cells);

    internal RNN(JsonNode config)
        : base(config) => _cells = Named([.. config["cells"]!.AsArray().Select(c => (RecurrentUnits)GraphJson.ReadLayer(c!))]);

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Layer> Inner => _cells;

    internal override int StateCount => _cells.Sum(c => c.StateCount);

    internal override Shape[] StateShapes(Shape sequence)
    {
        var states = new List<Shape>();
        foreach (RecurrentUnits cell in _cells)
        {
            states.AddRange(cell.StateShapes(sequence));
            sequence = new Shape(sequence[0], cell.Units);
        }
        return [.. states];
    }

    private protected override Shape StepShape(Shape sequence) => new(_cells[^1].Units);

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        Shape sequence = inputs[0];
        foreach (RecurrentUnits cell in _cells)
        {
            cell.Build([sequence]);
            sequence = new Shape(sequence[0], cell.Units);
        }
    }

    internal override (Tensor Output, Tensor[] States) RunSteps(Tape tape, Tensor x, Tensor[] initial, Tensor? mask, StepOrder order, bool sequences)
    {
        var states = new List<Tensor>();
        Tensor output = x;
        for (int i = 0; i < _cells.Length; i++)
        {
            RecurrentUnits cell = _cells[i];
            bool isTop = i == _cells.Length - 1;
            Tensor[] own = initial.Length == 0 ? [] : initial[states.Count..(states.Count + cell.StateCount)];
            Tensor below = output;
            // Below the top, outputs stand where their inputs do, so that the mask holds for them too.
            (output, Tensor[] after) = cell.RunSteps(tape, below, own, mask, isTop ? order : order with { Aligned = true }, !isTop || sequences);
            if (i > 0)
                tape.Release(below);
            states.AddRange(after);
        }
        return (output, [.. states]);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["cells"] = new JsonArray([.. _cells.Select(GraphJson.WriteLayer)]);
    }

    private static RecurrentUnits[] Named(RecurrentUnits[] cells)
    {
        if (cells.Length == 0)
            throw new GraftException("An RNN takes one cell or more.");
        var names = new LayerNames();
        Array.ForEach(cells, names.Add);
        return cells;
    }
}
