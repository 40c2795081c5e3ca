namespace Graft.Training;

/// <summary>Writes the history as a .csv or .json file after each epoch; the file is whole at any moment.</summary>
/// <param name="path">The file; its folder is made.</param>
public sealed class CsvLogger(string path) : Callback
{
    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row) => context.History.Save(path);
}
