using System.CommandLine;
using Graft.Cli.Commands;

namespace Graft.Cli;

/// <summary>The options of finetune that say how its steps move the weights.</summary>
internal sealed class StepOptions
{
    private readonly Option<string> _schedule = new("--schedule") { DefaultValueFactory = _ => "constant", Description = "How the learning rates of head and unfrozen blocks move: constant; linear or cosine fall to 0 over the epochs of each." };
    private readonly Option<int> _warmUp = new("--warmup") { Description = "Warm-up: steps at the beginning of either training in which the learning rate rises from 0." };
    private readonly Option<float?> _decay = new("--weight-decay") { Description = "With --optimizer adamw: weight decay, which leaves biases and normalizations out. Without it, AdamW's own 0.004 of everything." };
    private readonly Option<float> _clip = ClipOption(0);
    private readonly Option<float> _average = AverageOption();

    /// <summary>Makes them.</summary>
    public StepOptions() => _schedule.AcceptOnlyFromAmong(LearningRates.Schedules);

    /// <summary>--clip, as all trainings have it.</summary>
    public static Option<float> ClipOption(float usual) => new("--clip", "--clip-norm") { DefaultValueFactory = _ => usual, Description = "Clip the gradients to this global norm; 0 does not clip." };

    /// <summary>--ema, as all trainings have it.</summary>
    public static Option<float> AverageOption() => new("--ema") { Description = "Momentum of a moving average of the weights, such as 0.99, which the model is validated with and ends with; 0 keeps none." };

    /// <summary>--patience, as all trainings on text have it.</summary>
    public static Option<int?> PatienceOption() => new("--patience") { Description = "Stop early: end the training when val_loss has not fallen for this many epochs, and keep the weights of the best epoch. By default all epochs run and the last weights are kept." };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _schedule, _warmUp, _decay, _clip, _average })
            command.Add(option);
    }

    /// <summary>The word for the schedule.</summary>
    public string Schedule(ParseResult parsed) => parsed.GetRequiredValue(_schedule);

    /// <summary>Steps of warm-up.</summary>
    public int WarmUp(ParseResult parsed) => (int)FinetuneCommand.Within(parsed.GetValue(_warmUp), 0, 1e9, _warmUp.Name);

    /// <summary>The weight decay; null where it is not given.</summary>
    public float? WeightDecay(ParseResult parsed) => parsed.GetValue(_decay) is float decay ? (float)FinetuneCommand.Within(decay, 0, 1e3, _decay.Name) : null;

    /// <summary>The norm; 0 for none.</summary>
    public float Clip(ParseResult parsed) => (float)FinetuneCommand.Within(parsed.GetValue(_clip), 0, 1e9, _clip.Name);

    /// <summary>The momentum; 0 for none.</summary>
    public float Average(ParseResult parsed) => AverageOf(parsed, _average);

    /// <summary>The momentum of an option of <see cref="AverageOption"/>.</summary>
    public static float AverageOf(ParseResult parsed, Option<float> option) => (float)FinetuneCommand.Within(parsed.GetValue(option), 0, 0.9999, option.Name);
}
