using System.CommandLine;
using Graft.Importers;
using Graft.Importers.Keras;
using Graft.Importers.Numpy;

namespace Graft.Cli.Commands;

/// <summary>graft run: any model on tensors from files.</summary>
internal static class RunCommand
{
    private const string InsideHdf5 = "::";

    public static Command Create(Terminal terminal)
    {
        var model = new Option<string>("--model") { Required = true, Description = "A .graft file or the folder that finetune wrote it to, a Keras model (.keras, .h5), an ONNX model, or Keras weights with --architecture." };
        var architecture = new Option<string?>("--architecture") { Description = "Where --model holds weights alone: the JSON of Keras's model.to_json()." };
        var input = new Option<string[]>("--input") { Required = true, Arity = ArgumentArity.OneOrMore, Description = "X.npy or FILE.h5::path; with several inputs NAME=X.npy for each. The first axis counts the samples." };
        var output = new Option<string>("--output") { Required = true, Description = "Y.npy; with several outputs Y_0.npy, Y_1.npy, ... in the model's order." };
        var threads = new Option<int?>("--threads") { Description = "Number of threads; by default one for each processor." };
        Option<string?> device = DeviceOption.Create();
        var command = new Command("run", "Run a model on tensors from .npy or HDF5 files.") { model, architecture, input, output, threads, device };
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            FinetuneCommand.SetThreads(parsed.GetValue(threads));
            string to = parsed.GetRequiredValue(output);
            if (Path.GetDirectoryName(Path.GetFullPath(to)) is { } folder && !Directory.Exists(folder))
                throw new GraftException($"{to}: there is no folder {folder}; make it first.");
            (string? Name, string File, Shape Shape, float[] Values)[] given = [.. parsed.GetRequiredValue(input).Select(Read)];
            (Model loaded, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs) = Load(terminal, ModelPath.FileOf(parsed.GetRequiredValue(model), "run computes models of arrays from files: 'graft export --format onnx' makes one of it, 'graft generate' and 'graft predict --text' compute it as it is"), parsed.GetValue(architecture), given);
            (Shape Shape, float[] Values)[] results = loaded.PredictAll([.. InOrder(given, inputs)], terminal.Interrupt);
            for (int i = 0; i < results.Length; i++)
            {
                string file = results.Length == 1 ? to : Numbered(to, i);
                NpyFile.Write(file, results[i].Shape, results[i].Values);
                terminal.Line($"{outputs[i]} {results[i].Shape}: {file}");
            }
            return Application.Done;
        });
        return command;
    }

    private static OpenedModel Load(Terminal terminal, string path, string? architecture, (string? Name, string File, Shape Shape, float[] Values)[] given)
    {
        if (ModelFiles.IsGraft(path))
            return OpenedModel.Of(terminal, path, architecture, new Dictionary<string, Shape>());
        IReadOnlyList<(string Name, IReadOnlyList<int?>? Shape)> inputs = ModelFiles.InputsOf(path, architecture);
        foreach ((_, string file, Shape shape, _) in given.Where(g => g.Shape.Rank == 0))
            throw new GraftException($"{file}: is a single number {shape}; the first axis counts the samples.");
        return OpenedModel.Of(terminal, path, architecture, inputs.Zip(InOrder(given, [.. inputs.Select(i => i.Name)])).ToDictionary(p => p.First.Name, p => p.Second.Shape.Tail()));
    }

    private static (string? Name, string File, Shape Shape, float[] Values) Read(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        bool named = equals > 0 && !File.Exists(text) && !File.Exists(text.Split(InsideHdf5)[0]);
        string? name = named ? text[..equals] : null;
        string file = named ? text[(equals + 1)..] : text;
        int inside = file.LastIndexOf(InsideHdf5, StringComparison.Ordinal);
        (Shape shape, float[] values) = inside < 0 ? NpyFile.Read(file) : Hdf5Arrays.Read(file[..inside], file[(inside + InsideHdf5.Length)..]);
        return (name, file, shape, values);
    }

    /// <summary>The tensors in the order of the model's inputs.</summary>
    /// <exception cref="UsageException">One is missing, given twice, or of no input.</exception>
    private static IEnumerable<(Shape Shape, float[] Values)> InOrder((string? Name, string File, Shape Shape, float[] Values)[] given, IReadOnlyList<string> inputs)
    {
        string listed = string.Join(", ", inputs.Select(i => $"'{i}'"));
        if (given.Length != inputs.Count)
            throw new UsageException($"the model has {inputs.Count} input(s) ({listed}), and --input gives {given.Length}; give one --input NAME=FILE for each.");
        if (given.Length == 1 && given[0].Name is null)
            return [(given[0].Shape, given[0].Values)];
        if (given.FirstOrDefault(g => g.Name is null) is { File: not null } unnamed)
            throw new UsageException($"--input {unnamed.File} names no input; the model has {listed}: write --input NAME={unnamed.File}.");
        if (given.FirstOrDefault(g => !inputs.Contains(g.Name)) is { Name: not null } unknown)
            throw new UsageException($"--input {unknown.Name}=...: the model has no such input; it has {listed}.");
        return inputs.Select(i => given.Count(g => g.Name == i) == 1 ? given.Where(g => g.Name == i).Select(g => (g.Shape, g.Values)).Single()
            : throw new UsageException($"input '{i}' is given {given.Count(g => g.Name == i)} times; give each once."));
    }

    private static string Numbered(string path, int index) =>
        Path.Combine(Path.GetDirectoryName(path) ?? "", $"{Path.GetFileNameWithoutExtension(path)}_{index}{Path.GetExtension(path)}");
}
