using Graft.Layers;

namespace Graft.Weights;

/// <summary>Loads a file into a model by name, strict both ways.</summary>
public static class WeightLoader
{
    /// <summary>Loads all parameters; nothing is changed unless everything fits.</summary>
    /// <param name="model">The model.</param>
    /// <param name="file">The file.</param>
    /// <param name="names">Where a parameter of a layer is found: layer name, parameter.</param>
    /// <param name="strict">False loads what fits and returns the report instead of throwing.</param>
    /// <exception cref="GraftException">Something is missing, unused, misshaped or not finite: all of it is listed.</exception>
    public static WeightReport Load(Model model, WeightFile file, Func<string, Parameter, WeightName> names, bool strict = true)
    {
        List<string> matched = [], missing = [], faulty = [];
        var unused = new HashSet<string>(file.Names);
        var ready = new List<(Parameter Parameter, float[] Values)>();
        foreach (Parameter p in model.Parameters)
        {
            WeightName name = names(p.LayerName, p);
            if (!file.Names.Contains(name.Name))
            {
                missing.Add($"{p.LayerName}/{p.Name} as '{name.Name}' (nearest name there: '{file.Names.MinBy(n => NameDistance.Between(n, name.Name))}')");
                continue;
            }
            unused.Remove(name.Name);
            Shape expected = name.FileShape(p.Shape), found = file.ShapeOf(name.Name);
            if (!found.Equals(expected))
            {
                faulty.Add($"{p.LayerName}/{p.Name}: '{name.Name}' has shape {found}, {expected} is due");
                continue;
            }
            float[] values = file.Read(name.Name);
            int bad = Array.FindIndex(values, v => !float.IsFinite(v));
            if (bad >= 0)
                faulty.Add($"{p.LayerName}/{p.Name}: '{name.Name}' holds {values[bad]} at element {bad}");
            else
            {
                ready.Add((p, name.Convert(values, p.Shape)));
                matched.Add(name.Name);
            }
        }
        var report = new WeightReport(matched, missing, [.. unused.Order(StringComparer.Ordinal)], faulty);
        if (strict && !report.IsComplete)
            throw new GraftException($"{file.Source} does not fit model '{model.Name}': {report}");
        foreach ((Parameter parameter, float[] values) in ready)
            parameter.Set(values);
        return report;
    }
}
