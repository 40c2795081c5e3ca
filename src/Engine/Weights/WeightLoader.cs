using Graft.Layers;

namespace Graft.Weights;

/// <summary>Loads a file into a model by name, strict both ways.</summary>
public static class WeightLoader
{
    /// <summary>Loads all parameters, or those that are asked for; nothing is changed unless everything fits.</summary>
    /// <remarks>
    /// A parameter takes the array of its own path ("base/conv/kernel"); where there is none, the only array that is left over for a layer
    /// of that name, wherever it stands. What could go to two parameters, or come from two arrays, is reported and goes nowhere.
    /// Beside the parameters' own memory, loading takes at most that of the largest array.
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="file">The file.</param>
    /// <param name="names">Where a parameter of a layer is found, for files with names of their own; null asks the file's format.</param>
    /// <param name="mayBeUnused">Arrays that the file may hold in vain: the classifier, where the model has none.</param>
    /// <param name="strict">False loads what fits and returns the report instead of throwing.</param>
    /// <param name="notes">What speaks against these weights although names and shapes may fit; it makes a strict load fail.</param>
    /// <param name="which">The parameters that the file is for; null for all.</param>
    /// <exception cref="GraftException">Something is missing, unused, misshaped or not finite, or there are notes: all of it is listed.</exception>
    public static WeightReport Load(Model model, WeightFile file, Func<string, Parameter, WeightName>? names = null, Func<string, bool>? mayBeUnused = null,
        bool strict = true, IReadOnlyList<string>? notes = null, Func<Parameter, bool>? which = null)
    {
        WeightMatch match = WeightMatch.Of(model, file, names ?? file.Locate, which ?? (_ => true));
        WeightTransfer[] transfers = [.. match.Found.Select(f => new WeightTransfer(file, f.Path, f.Parameter, f.Name))];
        try
        {
            WeightTransfer.FetchAll(transfers);
            string[] unused = [.. match.Unused.Where(n => mayBeUnused?.Invoke(n) != true).Order(StringComparer.Ordinal)];
            string[] matched = [.. transfers.Where(t => t.Fault is null).Select(t => t.Array)], faulty = [.. transfers.Select(t => t.Fault).OfType<string>()];
            var report = new WeightReport(matched, match.Missing, unused, faulty) { Notes = notes ?? [] };
            if (strict && !report.IsComplete)
                throw new GraftException($"{file.Source} does not fit model '{model.Name}': {report}");
            WeightTransfer.CommitAll(transfers);
            return report;
        }
        finally
        {
            Array.ForEach(transfers, t => t.Discard());
        }
    }
}
