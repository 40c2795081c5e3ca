using System.Runtime.InteropServices;
using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Tests.Golden;

namespace Graft.Tests.Importers.Keras.Export;

/// <summary>A form of Keras's files that is written and read again.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Extension">Of the file.</param>
/// <param name="Save">Writes a model.</param>
internal sealed record KerasForm(string Name, string Extension, Func<Model, string, IReadOnlyList<string>> Save)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KerasForm> All { get; } =
    [
        new("HDF5 of Keras 2", "h5", (m, p) => KerasExport.SaveHdf5(m, p)), new("HDF5 of Keras 3", "h5", (m, p) => KerasExport.SaveHdf5(m, p, generation: 3)), new("archive", "keras", KerasExport.SaveArchive),
    ];
}

/// <summary>Writes a model, reads it again, and says in which the two differ: weights, outputs, the optimizer's memory, all bit for bit.</summary>
internal static class KerasRoundTrip
{
    private const int Samples = 2;

    /// <summary>Null where nothing differs.</summary>
    public static string? Difference(Model model, KerasForm form, TemporaryFiles files)
    {
        string path = files[$"again.{form.Extension}"];
        IReadOnlyList<string> notes = form.Save(model, path);
        Model again = KerasImport.Load(path);
        try
        {
            return Weights(model, again) ?? Outputs(model, again) ?? (notes.Any(n => n.StartsWith("the file holds no training", StringComparison.Ordinal)) ? null : Training(model, again));
        }
        finally
        {
            again.Optimizer?.Dispose();
            again.Release();
        }
    }

    private static string? Weights(Model model, Model again)
    {
        Dictionary<string, Parameter> found = again.NamedParameters().DistinctBy(p => p.Parameter).ToDictionary(p => Plain(p.Path), p => p.Parameter);
        (string Path, Parameter Parameter)[] due = [.. model.NamedParameters().DistinctBy(p => p.Parameter)];
        if (found.Count != due.Length)
            return $"{due.Length} weights became {found.Count}";
        foreach ((string path, Parameter parameter) in due)
        {
            if (!found.TryGetValue(Plain(path), out Parameter? other))
                return $"'{path}' is gone; there are {string.Join(", ", found.Keys.Take(5))}";
            if (!SameBits(parameter.Value.ToArray(), other.Value.ToArray()))
                return $"'{path}' {parameter.Shape} has other numbers";
            if (parameter.IsTrainable != other.IsTrainable)
                return $"'{path}' {(parameter.IsTrainable ? "does not train any more" : "trains now")}";
        }
        return null;
    }

    private static string? Outputs(Model model, Model again)
    {
        (Shape, float[])[] x = [.. model.Inputs.Select(i => (i.Shape.Prepend(Samples), Input(model, i)))];
        (Shape Shape, float[] Values)[] expected = model.PredictAll(x), found = again.PredictAll(x);
        for (int i = 0; i < expected.Length; i++)
        {
            if (!expected[i].Shape.Equals(found[i].Shape) || !SameBits(expected[i].Values, found[i].Values))
                return $"output {i} {expected[i].Shape} is another, {found[i].Shape}";
        }
        return expected.Length == found.Length ? null : $"{expected.Length} outputs became {found.Length}";
    }

    private static string? Training(Model model, Model again)
    {
        if (model.Optimizer is not { } optimizer)
            return null;
        if (again.Optimizer is not { } other || other.GetType() != optimizer.GetType() || !Losses(again).SequenceEqual(Losses(model)) || !again.MetricNames.SequenceEqual(model.MetricNames))
            return $"{optimizer.Name}, {string.Join(',', Losses(model))} and {string.Join(',', model.MetricNames)} became {again.Optimizer?.Name}, {string.Join(',', Losses(again))} and {string.Join(',', again.MetricNames)}";
        if (optimizer.Iterations != other.Iterations || optimizer.LearningRate != other.LearningRate)
            return $"step {optimizer.Iterations} and rate {optimizer.LearningRate} became {other.Iterations} and {other.LearningRate}";
        Dictionary<string, float[]> found = other.ExportState(again).ToDictionary(s => Plain(s.Name), s => s.Values);
        foreach ((string name, float[] values) in optimizer.ExportState(model))
        {
            if (!found.TryGetValue(Plain(name), out float[]? numbers) || !SameBits(values, numbers))
                return $"the optimizer's '{name}' is another";
        }
        return null;
    }

    private static IEnumerable<(string, float)> Losses(Model model) => model.Losses.Select(l => (l.Loss.Name, l.Weight));

    /// <summary>Numbers between 0 and 1; ids of 0 and 1 where a table is read.</summary>
    public static float[] Input(Model model, Node input)
    {
        var random = new Random(11);
        float[] x = [.. Enumerable.Range(0, checked((int)input.Shape.Count) * Samples).Select(_ => (float)random.NextDouble())];
        return model.Nodes.Any(n => n.Layer is Embedding && n.Inputs.Contains(input)) ? Array.ConvertAll(x, MathF.Round) : x;
    }

    // Keras 3 takes no slash in a name.
    private static string Plain(string path) => path.Replace('/', '_');

    private static bool SameBits(float[] a, float[] b) => MemoryMarshal.AsBytes<float>(a).SequenceEqual(MemoryMarshal.AsBytes<float>(b));
}
