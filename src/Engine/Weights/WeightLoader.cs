using Graft.Layers;

namespace Graft.Weights;

/// <summary>Loads a file into a model by name, strict both ways.</summary>
public static class WeightLoader
{
    /// <summary>Loads all parameters; nothing is changed unless everything fits.</summary>
    /// <remarks>
    /// A parameter takes the array of its own path ("base/conv/kernel"); where there is none, the only array that is left over for a layer
    /// of that name, wherever it stands. What could go to two parameters, or come from two arrays, is reported and goes nowhere.
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="file">The file.</param>
    /// <param name="names">Where a parameter of a layer is found, for files with names of their own; null asks the file's format.</param>
    /// <param name="mayBeUnused">Arrays that the file may hold in vain: the classifier, where the model has none.</param>
    /// <param name="strict">False loads what fits and returns the report instead of throwing.</param>
    /// <param name="notes">What speaks against these weights although names and shapes may fit; it makes a strict load fail.</param>
    /// <exception cref="GraftException">Something is missing, unused, misshaped or not finite, or there are notes: all of it is listed.</exception>
    public static WeightReport Load(Model model, WeightFile file, Func<string, Parameter, WeightName>? names = null, Func<string, bool>? mayBeUnused = null,
        bool strict = true, IReadOnlyList<string>? notes = null)
    {
        List<string> matched = [], faulty = [];
        var ready = new List<(Parameter Parameter, float[] Values)>();
        WeightMatch match = WeightMatch.Of(model, file, names ?? file.Locate);
        foreach ((string path, Parameter parameter, WeightName name) in match.Found)
        {
            if (Fault(file, name, parameter, out float[] values) is { } fault)
            {
                faulty.Add($"{path}: '{name.Name}' {fault}");
                continue;
            }
            ready.Add((parameter, name.Convert(values, parameter.Shape)));
            matched.Add(name.Name);
        }
        string[] unused = [.. match.Unused.Where(n => mayBeUnused?.Invoke(n) != true).Order(StringComparer.Ordinal)];
        var report = new WeightReport(matched, match.Missing, unused, faulty) { Notes = notes ?? [] };
        if (strict && !report.IsComplete)
            throw new GraftException($"{file.Source} does not fit model '{model.Name}': {report}");
        foreach ((Parameter parameter, float[] values) in ready)
            parameter.Set(values);
        return report;
    }

    private static string? Fault(WeightFile file, WeightName name, Parameter parameter, out float[] values)
    {
        values = [];
        Shape expected = name.FileShape(parameter.Shape), found = file.ShapeOf(name.Name);
        if (!found.Equals(expected))
            return $"has shape {found}, {expected} is due";
        values = file.Read(name.Name);
        int bad = Array.FindIndex(values, v => !float.IsFinite(v));
        return bad < 0 ? null : $"holds {values[bad]} at element {bad}";
    }
}
