using Graft.Layers;

namespace Graft.Weights;

/// <summary>Loads a file into a model by name, strict both ways.</summary>
public static class WeightLoader
{
    /// <summary>Loads all parameters; nothing is changed unless everything fits.</summary>
    /// <remarks>A parameter is looked for under its layer's name, then under its path in nested models.</remarks>
    /// <param name="model">The model.</param>
    /// <param name="file">The file.</param>
    /// <param name="names">Where a parameter of a layer is found, for files with names of their own; null asks the file's format.</param>
    /// <param name="mayBeUnused">Arrays that the file may hold in vain: the classifier, where the model has none.</param>
    /// <param name="strict">False loads what fits and returns the report instead of throwing.</param>
    /// <exception cref="GraftException">Something is missing, unused, misshaped or not finite: all of it is listed.</exception>
    public static WeightReport Load(Model model, WeightFile file, Func<string, Parameter, WeightName>? names = null, Func<string, bool>? mayBeUnused = null, bool strict = true)
    {
        names ??= file.Locate;
        List<string> matched = [], missing = [], faulty = [];
        var unused = new HashSet<string>(file.Names);
        var ready = new List<(Parameter Parameter, float[] Values)>();
        foreach ((string path, Parameter p) in model.NamedParameters().DistinctBy(n => n.Parameter))
        {
            WeightName name = names(p.LayerName, p), nested = names(path[..path.LastIndexOf('/')], p);
            if (!file.Names.Contains(name.Name) && file.Names.Contains(nested.Name))
                name = nested;
            if (!file.Names.Contains(name.Name))
            {
                missing.Add($"{path} as '{name.Name}' (nearest name there: '{file.Names.MinBy(n => NameDistance.Between(n, name.Name))}')");
                continue;
            }
            unused.Remove(name.Name);
            if (Fault(file, name, p) is { } fault)
            {
                faulty.Add($"{path}: '{name.Name}' {fault}");
                continue;
            }
            float[] values = file.Read(name.Name);
            int bad = Array.FindIndex(values, v => !float.IsFinite(v));
            if (bad >= 0)
            {
                faulty.Add($"{path}: '{name.Name}' holds {values[bad]} at element {bad}");
                continue;
            }
            ready.Add((p, name.Convert(values, p.Shape)));
            matched.Add(name.Name);
        }
        var report = new WeightReport(matched, missing, [.. unused.Where(n => mayBeUnused?.Invoke(n) != true).Order(StringComparer.Ordinal)], faulty);
        if (strict && !report.IsComplete)
            throw new GraftException($"{file.Source} does not fit model '{model.Name}': {report}");
        foreach ((Parameter parameter, float[] values) in ready)
            parameter.Set(values);
        return report;
    }

    private static string? Fault(WeightFile file, WeightName name, Parameter parameter)
    {
        Shape expected = name.FileShape(parameter.Shape), found = file.ShapeOf(name.Name);
        return found.Equals(expected) ? null : $"has shape {found}, {expected} is due";
    }
}
