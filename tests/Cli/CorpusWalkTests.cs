using Graft.Importers.Keras;
using Graft.Importers.Numpy;
using Graft.Tests.Golden;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>graft inspect and graft run on every file of the shared data: what cannot be read is refused in one clear line.</summary>
[Collection("command line")]
public sealed class CorpusWalkTests : IDisposable
{
    private const int BadInput = 1, OpenExtent = 6; // rows of an image or steps of a sequence that a file leaves open

    private static readonly string[] s_models = [".h5", ".hdf5", ".keras", ".graft"];

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("corpora")]
    [InlineData("reference")]
    public void Every_file_is_shown_or_refused_in_one_line(string tree)
    {
        var faults = new List<string>();
        int files = 0;
        foreach (string path in Files(GraftShared.Path(tree)).Concat(Directory.GetDirectories(GraftShared.Path(tree), "*", SearchOption.AllDirectories).Where(d => File.Exists(Path.Combine(d, "config.json")))))
        {
            files++;
            (int code, string output, string error) = Run("inspect", path);
            AddFault(faults, path, code, output, error);
        }
        Assert.True(faults.Count == 0, $"{faults.Count} of {files}:\n{string.Join('\n', faults)}");
        Assert.True(files > 100);
    }

    [Theory]
    [InlineData("corpora", 50)]
    [InlineData("reference", 10)]
    public void Every_Keras_model_runs_or_is_refused_in_one_line(string tree, int atLeast)
    {
        var faults = new List<string>();
        int models = 0, ran = 0;
        foreach (string path in Files(GraftShared.Path(tree)).Where(f => s_models.Contains(Path.GetExtension(f)) && new FileInfo(f).Length < 2 << 20))
        {
            models++;
            (int code, string output, string error) = Run(["run", "--model", path, .. Inputs(path), "--output", _files["y.npy"]]);
            AddFault(faults, path, code, output, error);
            ran += code == 0 ? 1 : 0;
        }
        Assert.True(faults.Count == 0, $"{faults.Count} of {models}:\n{string.Join('\n', faults)}");
        Assert.True(ran >= atLeast, $"{ran} of {models}");
    }

    private static void AddFault(List<string> faults, string path, int code, string output, string error)
    {
        string[] lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string? fault = code == 0 ? lines.Length == 0 && output.Length > 0 ? null : "succeeds without a word, or with words of an error"
            : code != BadInput ? $"exit code {code}"
            : lines is not [var line] ? $"{lines.Length} lines"
            : !line.StartsWith("graft: ", StringComparison.Ordinal) || line.Contains("defect of graft", StringComparison.Ordinal) ? "no clear line"
            : !line.Contains(path, StringComparison.Ordinal) ? "names no file" : null;
        if (fault is not null)
            faults.Add($"{path}: {fault}: {error}");
    }

    // Zeros of the shapes that the model takes; where it cannot be told, one number: the model is refused then.
    private string[] Inputs(string path)
    {
        IReadOnlyList<(string Name, IReadOnlyList<int?>? Shape)> inputs = [("", [1])];
        try
        {
            inputs = KerasImport.InputsOf(path);
        }
        catch (GraftException)
        {
            // graft run says so, too
        }
        var arguments = new List<string>();
        foreach ((string name, IReadOnlyList<int?>? shape) in inputs)
        {
            string file = _files[$"x{arguments.Count}.npy"];
            var dims = new Shape([1, .. (shape ?? [null]).Select(d => d ?? OpenExtent)]);
            NpyFile.Write(file, dims, new float[dims.Count]);
            arguments.AddRange(["--input", name.Length == 0 || inputs.Count == 1 ? file : $"{name}={file}"]);
        }
        return [.. arguments];
    }

    private static IEnumerable<string> Files(string folder) => Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal);
}
