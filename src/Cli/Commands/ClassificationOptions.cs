using System.CommandLine;

namespace Graft.Cli.Commands;

/// <summary>Options of graft finetune-text that teach classes of texts instead of a text.</summary>
internal sealed class ClassificationOptions
{
    private const string Classes = "classification";

    // What they mean is not there for classes.
    private static readonly string[] OfLanguage = ["--new", "--vocabulary", "--lowercase", "--field", "--samples", "--sample-tokens", "--sample-every", "--lora", "--lora-alpha", "--lora-dropout", "--lora-targets"];

    private readonly Option<string> _task = new("--task")
    {
        DefaultValueFactory = _ => "language", Description = "language: predict the next token; classification: tell the labels of a .tsv file's texts, label<tab>text in each line, and compare with logistic regression on words.",
    };

    private readonly Option<string?> _validation = new("--validation-text") { Description = "With --task classification: a .tsv file to validate on; without it, --validation holds back that share of each class." };
    private readonly Option<int?> _column = new("--label-column") { Description = "With --task classification: the column of the labels, 1 or 2; without it, the one titled 'label', or else with fewer different entries." };
    private readonly Option<string?> _positive = new("--positive") { Description = "With --task classification: of two classes, the one whose F1 is reported; by default the rarer one." };

    private readonly Option<string> _weights = new("--class-weights")
    {
        DefaultValueFactory = _ => "none", Description = "With --task classification: balanced makes rare classes count as much as others in the loss.",
    };

    private readonly Option<double> _deletion = new("--token-deletion") { Description = "With --task classification: the chance with which each token of a training text is left out, drawn anew each epoch. Above 0, a frozen base is computed at every step." };
    private readonly Option<float> _smoothing = new("--label-smoothing") { Description = "With --task classification: the share of each label that is spread over all classes." };

    public ClassificationOptions()
    {
        _task.AcceptOnlyFromAmong("language", Classes);
        _weights.AcceptOnlyFromAmong("none", "balanced");
    }

    /// <summary>Adds them to the command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _task, _validation, _column, _positive, _weights, _deletion, _smoothing })
            command.Options.Add(option);
    }

    /// <summary>What is asked for; null where a text is to be learned.</summary>
    /// <exception cref="UsageException">An option goes with the other task alone.</exception>
    public TextClassificationSettings? Read(ParseResult parsed, TextFineTuningSettings training)
    {
        bool isGiven(string name) => parsed.GetResult(name) is System.CommandLine.Parsing.OptionResult { Implicit: false };
        bool classifies = parsed.GetValue(_task) == Classes;
        string[] wrong = [.. (classifies ? OfLanguage : [_validation.Name, _column.Name, _positive.Name, _weights.Name, _deletion.Name, _smoothing.Name]).Where(isGiven)];
        if (wrong.Length > 0)
            throw new UsageException($"{string.Join(", ", wrong)}: of no use with --task {(classifies ? $"{Classes}; make a base by --task language first, then give its folder by --model" : "language")}.");
        return !classifies ? null : new TextClassificationSettings
        {
            Training = training, ValidationText = parsed.GetValue(_validation), Positive = parsed.GetValue(_positive), IsBalanced = parsed.GetValue(_weights) == "balanced",
            Deletion = FinetuneCommand.Within(parsed.GetValue(_deletion), 0, 0.9, _deletion.Name),
            LabelSmoothing = (float)FinetuneCommand.Within(parsed.GetValue(_smoothing), 0, 0.99, _smoothing.Name),
            LabelColumn = parsed.GetValue(_column) is int column ? (int)FinetuneCommand.Within(column, 1, 2, _column.Name) : null,
        };
    }
}
