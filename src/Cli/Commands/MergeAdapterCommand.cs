using System.CommandLine;
using Graft.Adapters;
using Graft.Models;

namespace Graft.Cli.Commands;

/// <summary>graft merge-adapter: a model with an adapter becomes a whole model.</summary>
internal static class MergeAdapterCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = new Option<string?>("--model") { Description = "Folder of the GPT-2 that the adapter is for; by default the one that the adapter names." };
        var adapter = new Option<string>("--adapter") { Required = true, Description = "Folder of a LoRA adapter as PEFT has it." };
        var output = new Option<string>("--output") { Required = true, Description = "Folder for the whole model: config.json, model.safetensors, the tokenizer." };
        var command = new Command("merge-adapter", "Make a LoRA adapter part of the model that it is for.") { model, adapter, output };
        command.SetAction(parsed =>
        {
            string from = TextModelFolder.Choose(parsed.GetValue(model), parsed.GetRequiredValue(adapter), "merge-adapter"), to = parsed.GetRequiredValue(output);
            if (Path.GetFullPath(from) == Path.GetFullPath(to))
                throw new UsageException($"--output {to} is the folder of the model itself; name another, so that the model remains what it is.");
            FineTuning.PrepareOutput(to);
            Gpt2 gpt = TextModelFolder.Load(from, parsed.GetRequiredValue(adapter), terminal);
            int modules = Lora.Modules(gpt).Count;
            Lora.Merge(gpt);
            Lora.Detach(gpt);
            TextModelFolder.Write(to, gpt, gpt.Config, tokenizer: null, from);
            terminal.Line($"Merged the adapters of {modules} layers; wrote config.json, model.safetensors and the tokenizer to {to}");
            return Application.Done;
        });
        return command;
    }
}
