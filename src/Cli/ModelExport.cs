using System.Globalization;
using Graft.Adapters;
using Graft.Importers.Keras;
using Graft.Importers.Onnx;
using Graft.Importers.Safetensors;
using Graft.Models;

namespace Graft.Cli;

/// <summary>Writes models in the formats of other programs and says what was written.</summary>
internal sealed class ModelExport(Terminal terminal)
{
    /// <summary>Names of formats that have options of their own.</summary>
    public const string KerasHdf5 = "keras-h5", Onnx = "onnx";

    private const string KerasArchive = "keras", Safetensors = "safetensors";

    /// <summary>The formats by the names that --format takes.</summary>
    public static IReadOnlyList<string> Formats { get; } = [KerasArchive, KerasHdf5, Safetensors, Onnx];

    /// <summary>2 or 3: whose HDF5 keras-h5 is.</summary>
    public int Generation { get; init; } = 2;

    /// <summary>How ONNX is written.</summary>
    public OnnxExportOptions OnnxOptions { get; init; } = new();

    /// <summary>Writes a .graft file or a Keras model.</summary>
    /// <exception cref="GraftException">The model cannot be read, or the format cannot hold it: nothing was written then.</exception>
    public void File(string path, string? architecture, IReadOnlyDictionary<string, Shape> shapes, string format, string output)
    {
        RequireFile(output);
        Model model = OpenedModel.Of(terminal, path, architecture, shapes, compile: format is KerasArchive or KerasHdf5).Model;
        terminal.Interrupt.ThrowIfCancellationRequested();
        IReadOnlyList<string> notes = format switch
        {
            KerasArchive => KerasExport.SaveArchive(model, output),
            KerasHdf5 => KerasExport.SaveHdf5(model, output, Generation),
            Onnx => WriteOnnx(model, output),
            _ => ModelSafetensors.Save(model, output),
        };
        foreach (string note in notes)
            terminal.Line($"note: {note}");
        Tell(output, format, model, new FileInfo(output).Length);
    }

    /// <summary>Writes a GPT-2, with an adapter in it where one is named: as the folder that transformers has, or as an ONNX file.</summary>
    /// <exception cref="GraftException">The model cannot be read, or the output cannot be written.</exception>
    public void Folder(string path, string? adapter, string format, string output)
    {
        path = ModelPath.FolderOf(path, "name the folder of the model that it is for by --model, and this one by --adapter");
        if (!System.IO.File.Exists(Path.Combine(path, Importers.HuggingFace.HuggingFaceFolder.ConfigName)))
            throw new GraftException($"{path}: is a folder with neither model.graft nor config.json; that of finetune or of a GPT-2, or a file, is due here.");
        if (format is not (Safetensors or Onnx))
            throw new UsageException($"--model {path} is the folder of a GPT-2, which Keras has no layers for; take --format safetensors or onnx.");
        if (format == Onnx)
            RequireFile(output);
        else if (System.IO.File.Exists(output))
            throw new UsageException($"--output {output} is a file; a folder is due, for config.json, model.safetensors and the tokenizer.");
        var config = Gpt2Config.Open(path);
        Model model = TextModelFolder.Load(path, config, terminal);
        if (adapter is not null)
        {
            Importers.HuggingFace.PeftAdapter.Open(adapter).AttachTo(model);
            Lora.Merge(model);
            Lora.Detach(model);
        }
        terminal.Interrupt.ThrowIfCancellationRequested();
        if (format == Onnx)
        {
            WriteOnnx(model, output);
            Tell(output, format, model, new FileInfo(output).Length);
            return;
        }
        FineTuning.PrepareOutput(output);
        TextModelFolder.Write(output, model, config, tokenizer: null, path);
        Tell(output, format, model, Directory.GetFiles(output).Sum(f => new FileInfo(f).Length));
    }

    private void Tell(string output, string format, Model model, long bytes) =>
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"Wrote {output}: {format}, {model.Layers.Count} layers, {model.Parameters.Distinct().Sum(p => p.Shape.Count):N0} numbers, {bytes:N0} bytes"));

    private IReadOnlyList<string> WriteOnnx(Model model, string output)
    {
        OnnxExport.Write(model, output, OnnxOptions);
        return [];
    }

    private static void RequireFile(string file)
    {
        if (Directory.Exists(file))
            throw new UsageException($"--output {file} is a folder; the name of a file is due.");
        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder && !Directory.Exists(folder))
            throw new GraftException($"{file}: there is no folder {folder}; make it first.");
    }
}
