using Graft.Training;

namespace Graft.Importers.Keras.Export;

/// <summary>The slots of optimizers in Keras's files.</summary>
internal static class KerasSlots
{
    /// <summary>The slots that Keras 3 makes by one call, weight by weight; each call goes through all weights before the next. Its optimizers' build().</summary>
    public static string[][] MadeTogether(IReadOnlyList<string> kinds) => kinds switch
    {
        ["momentum", "velocity", "velocity_hat"] => [["momentum", "velocity"], ["velocity_hat"]],
        ["velocity", ..] => [.. kinds.Select(k => new[] { k })],
        _ => [[.. kinds]],
    };

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
