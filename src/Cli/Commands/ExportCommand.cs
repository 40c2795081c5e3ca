using System.CommandLine;
using Graft.Importers.Onnx;

namespace Graft.Cli.Commands;

/// <summary>graft export: a model in a form that other programs read.</summary>
internal static class ExportCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = new Option<string>("--model") { Required = true, Description = "A .graft file or the folder that finetune wrote it to, a Keras model (.keras, .h5), an ONNX model, Keras weights with --architecture, or the folder of a GPT-2 as Hugging Face has it." };
        var architecture = new Option<string?>("--architecture") { Description = "Where --model holds weights alone: the JSON of Keras's model.to_json()." };
        Option<string[]> shape = InputShapeOption.Create();
        var adapter = new Option<string?>("--adapter") { Description = "Folder of a LoRA adapter of PEFT that becomes part of a GPT-2." };
        var format = new Option<string>("--format") { Required = true, Description = "keras (.keras of Keras 3), keras-h5 (HDF5 of Keras 2, which tf.keras and Keras 3 read too), safetensors (the weights; of a GPT-2 the folder that transformers reads), or onnx." };
        format.AcceptOnlyFromAmong([.. ModelExport.Formats]);
        var generation = new Option<int>("--keras-version") { DefaultValueFactory = _ => 2, Description = "Whose HDF5 keras-h5 writes: 2, or 3 for the .h5 files of Keras 3, which keep optimizers that Keras 2 has not." };
        generation.AcceptOnlyFromAmong("2", "3");
        var opset = new Option<int>("--opset") { DefaultValueFactory = _ => OnnxExportOptions.OldestOpset, Description = $"onnx: version of the operators, {OnnxExportOptions.OldestOpset} to {OnnxExportOptions.NewestOpset}." };
        var preprocessing = new Option<bool>("--preprocessing") { Description = "onnx: the model's preprocessing goes into the file, which takes RGB bytes, 0 to 255, then." };
        var channelsFirst = new Option<bool>("--channels-first") { Description = "onnx: images come in and go out as [N,C,H,W], as PyTorch has them, not as [N,H,W,C]." };
        var cache = new Option<bool>("--with-past") { Description = "onnx, of a GPT-2: keys and values of the tokens before are inputs, those of all are outputs." };
        var mask = new Option<bool>("--attention-mask") { Description = "onnx, of a GPT-2: attention_mask and position_ids are inputs, as Optimum writes them." };
        var output = new Option<string>("--output") { Required = true, Description = "The file; for a GPT-2 the folder. What is there is replaced when the new one is whole." };
        var command = new Command("export", "Write a model for other programs: Keras, transformers, ONNX Runtime, or any reader of safetensors. docs/export.md and docs/onnx.md say what is kept.")
        {
            model, architecture, shape, adapter, format, generation, opset, preprocessing, channelsFirst, cache, mask, output,
        };
        command.SetAction(parsed =>
        {
            string from = ModelPath.Of(parsed.GetRequiredValue(model)), to = parsed.GetRequiredValue(output);
            if (Path.GetFullPath(from) == Path.GetFullPath(to))
                throw new UsageException($"--output {to} is --model itself; name another, so that the model remains what it is.");
            string written = parsed.GetRequiredValue(format);
            bool isFolder = Directory.Exists(from);
            Partners.Refuse(parsed, written != ModelExport.Onnx, $"for --format onnx, not {written}", opset, preprocessing, channelsFirst, cache, mask);
            Partners.Refuse(parsed, written != ModelExport.KerasHdf5, $"for --format keras-h5, not {written}", generation);
            Partners.Refuse(parsed, !isFolder, $"for the folder of a GPT-2; {from} is none", adapter, cache, mask);
            Partners.Refuse(parsed, isFolder, $"for a file that leaves it open; {from} is a folder, which says it", architecture, shape);
            var export = new ModelExport(terminal)
            {
                Generation = parsed.GetValue(generation),
                OnnxOptions = new OnnxExportOptions
                {
                    Opset = parsed.GetValue(opset),
                    IncludePreprocessing = parsed.GetValue(preprocessing),
                    Layout = parsed.GetValue(channelsFirst) ? OnnxLayout.ChannelsFirst : OnnxLayout.ChannelsLast,
                    KeyValueCache = parsed.GetValue(cache),
                    AttentionMask = parsed.GetValue(mask),
                },
            };
            if (isFolder)
                export.Folder(from, parsed.GetValue(adapter), written, to);
            else
                export.File(from, parsed.GetValue(architecture), InputShapeOption.Read(parsed, shape), written, to);
            return Application.Done;
        });
        return command;
    }
}
