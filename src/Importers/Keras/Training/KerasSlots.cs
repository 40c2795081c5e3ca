using Graft.Training;

namespace Graft.Importers.Keras.Training;

/// <summary>The slots of optimizers in Keras's files.</summary>
internal static class KerasSlots
{
    /// <summary>The slots that Keras 2.11 and later make by one call, weight by weight; each call goes through all weights before the next. Their optimizers' build().</summary>
    public static string[][] MadeTogether(IReadOnlyList<string> kinds) => kinds switch
    {
        ["momentum", "velocity", "velocity_hat"] => [["momentum", "velocity"], ["velocity_hat"]],
        ["velocity", ..] => [.. kinds.Select(k => new[] { k })],
        _ => [[.. kinds]],
    };

    /// <summary>Where a slot stands among all slots, in that order.</summary>
    /// <param name="kinds">All kinds of slots.</param>
    /// <param name="kind">The kind.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="weights">How many weights there are.</param>
    public static int PlaceMadeTogether(IReadOnlyList<string> kinds, int kind, int weight, int weights)
    {
        int before = 0;
        foreach (string[] group in MadeTogether(kinds))
        {
            if (kind < group.Length)
                return before + weight * group.Length + kind;
            kind -= group.Length;
            before += group.Length * weights;
        }
        throw new ArgumentOutOfRangeException(nameof(kind));
    }

    /// <summary>The slots of Keras 2, as keras/optimizers.py names them.</summary>
    public static string NameInKeras2(Optimizer optimizer, string kind) => (optimizer, kind) switch
    {
        (Sgd, _) => "moment",
        (RMSprop or Adagrad, _) => "accumulator",
        (Adadelta, "accumulated_grad") => "accumulator",
        (Adadelta, _) => "delta_accumulator",
        (Adamax, "norm") => "u",
        (_, "momentum") => "m",
        (_, "velocity") => "v",
        _ => "vhat",
    };
}
