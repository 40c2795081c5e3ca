using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Graft.Cli;

/// <summary>What a fine-tuning for classes of texts is asked to do.</summary>
internal sealed record TextClassificationSettings
{
    /// <summary>What it has in common with learning a text: base, file, training.</summary>
    public required TextFineTuningSettings Training { get; init; }

    /// <summary>A file of its own to validate on; null holds back a share of each class.</summary>
    public string? ValidationText { get; init; }

    /// <summary>Column of the labels, 1 or 2; null finds out.</summary>
    public int? LabelColumn { get; init; }

    /// <summary>Of two classes, the one whose F1 is reported; null for the rarer one.</summary>
    public string? Positive { get; init; }

    /// <summary>True weighs texts so that each class counts the same in the loss.</summary>
    public bool IsBalanced { get; init; }

    /// <summary>Chance with which each token of a training text is left out.</summary>
    public double Deletion { get; init; }

    /// <summary>Share of the labels that is spread over all classes.</summary>
    public float LabelSmoothing { get; init; }

    /// <inheritdoc cref="TextFineTuningSettings.Run"/>
    public JsonObject Run()
    {
        JsonObject run = Training.Run();
        run["task"] = "classification";
        run["validation-text"] = ValidationText is null ? null : Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(ValidationText)));
        run["label-column"] = LabelColumn;
        run["class-weights"] = IsBalanced ? "balanced" : null;
        run["token-deletion"] = Deletion;
        run["label-smoothing"] = LabelSmoothing;
        return run;
    }
}
