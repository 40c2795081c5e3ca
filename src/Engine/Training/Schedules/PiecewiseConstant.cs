using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>Another constant rate after each boundary. Matches Keras's PiecewiseConstantDecay.</summary>
public sealed class PiecewiseConstant : LearningRateSchedule
{
    private readonly long[] _boundaries;
    private readonly float[] _rates;

    /// <summary>rates[0] up to and with step boundaries[0], rates[1] up to and with boundaries[1], and so on.</summary>
    /// <exception cref="GraftException">There is not one rate more than boundaries, the boundaries do not rise, or a rate is negative, NaN or infinite.</exception>
    public PiecewiseConstant(IEnumerable<long> boundaries, IEnumerable<float> rates)
    {
        _boundaries = [.. boundaries];
        _rates = [.. rates.Select(Rate)];
        if (_rates.Length != _boundaries.Length + 1)
            throw new GraftException($"PiecewiseConstant: {_boundaries.Length} boundaries take {_boundaries.Length + 1} rates, not {_rates.Length}.");
        for (int i = 1; i < _boundaries.Length; i++)
        {
            if (_boundaries[i] <= _boundaries[i - 1])
                throw new GraftException($"PiecewiseConstant: boundaries must rise, but {_boundaries[i]} follows {_boundaries[i - 1]}.");
        }
    }

    /// <inheritdoc/>
    public override float At(long step)
    {
        int passed = 0;
        while (passed < _boundaries.Length && step > _boundaries[passed])
            passed++;
        return _rates[passed];
    }

    internal override (string ClassName, JsonObject Config)? InKeras => ("PiecewiseConstantDecay", new JsonObject
    {
        ["boundaries"] = new JsonArray([.. _boundaries.Select(b => (JsonNode)b)]), ["values"] = new JsonArray([.. _rates.Select(r => (JsonNode)r)]),
    });
}
