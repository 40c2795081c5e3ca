using System.Globalization;
using System.Text.RegularExpressions;
using Graft.Weights;

namespace Graft.Training;

/// <summary>Saves the model after epochs: after each, or after those that are better than all before.</summary>
/// <param name="path">
/// Where to; {epoch} (from 1) and columns of the history in braces are filled in, with a .NET number format after a colon:
/// "checkpoints/{epoch:000}-{val_loss:0.0000}.graft".
/// </param>
/// <param name="save">Writes the model to a path.</param>
/// <param name="bestOnly">True saves only where <paramref name="monitor"/> has improved.</param>
/// <param name="monitor">Column of the history.</param>
/// <param name="mode">Which way is better.</param>
public sealed partial class ModelCheckpoint(string path, Action<Model, string> save, bool bestOnly = false, string monitor = "val_loss",
    MonitorMode mode = MonitorMode.Auto) : Callback
{
    private readonly Monitor _monitor = new(monitor, mode, 0);

    /// <summary>Saves the model as a .graft file, with its optimizer's state and the history so far.</summary>
    /// <inheritdoc cref="ModelCheckpoint(string, Action{Model, string}, bool, string, MonitorMode)"/>
    public ModelCheckpoint(string path, bool bestOnly = false, string monitor = "val_loss", MonitorMode mode = MonitorMode.Auto)
        : this(path, (model, file) => ModelFile.Save(model, file, model.History), bestOnly, monitor, mode)
    {
    }

    /// <summary>The file written last; null before the first.</summary>
    public string? LastPath { get; private set; }

    /// <inheritdoc/>
    public override void OnTrainBegin(TrainingContext context) => _monitor.Reset();

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        if (bestOnly && !_monitor.Improves(row, nameof(ModelCheckpoint)))
            return;
        string file = Braces().Replace(path, m => Fill(m, epoch, row));
        if (Path.GetDirectoryName(file) is { Length: > 0 } folder)
            Directory.CreateDirectory(folder);
        context.AsValidated(() => save(context.Model, file));
        LastPath = file;
    }

    private string Fill(Match match, int epoch, IReadOnlyDictionary<string, double> row)
    {
        string name = match.Groups[1].Value, format = match.Groups[2].Value;
        if (name == "epoch")
            return (epoch + 1).ToString(format, CultureInfo.InvariantCulture);
        return row.TryGetValue(name, out double value) ? value.ToString(format, CultureInfo.InvariantCulture)
            : throw new GraftException($"ModelCheckpoint: '{path}' asks for {{{name}}}; there are epoch, {string.Join(", ", row.Keys)}.");
    }

    [GeneratedRegex(@"\{(\w+)(?::([^}]*))?\}")]
    private static partial Regex Braces();
}
