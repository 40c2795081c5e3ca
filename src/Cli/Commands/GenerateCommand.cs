using System.CommandLine;
using System.Globalization;
using Graft.Kernels;
using Graft.Models;

namespace Graft.Cli.Commands;

/// <summary>graft generate: continues a text with a GPT-2.</summary>
internal static class GenerateCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = new Option<string?>("--model") { Description = "Model folder as Hugging Face has it: config.json, the weights and, for text, the tokenizer's files." };
        var adapter = new Option<string?>("--adapter") { Description = "Folder of a LoRA adapter as PEFT has it; without --model, the model that the adapter names is loaded." };
        var prompt = new Option<string?>("--prompt") { Description = "The text to continue." };
        var promptIds = new Option<string?>("--prompt-ids") { Description = "Instead of --prompt: token ids, such as 7454,2402,257,640. Ids are printed too, and no tokenizer is needed." };
        var maxLength = new Option<int?>("--max-length") { Description = "Most tokens of the whole text, prompt included; by default 50, or what the model takes if that is less." };
        var maxNew = new Option<int?>("--max-new-tokens") { Description = "Instead of --max-length: most tokens that are added to the prompt." };
        var greedy = new Option<bool>("--greedy") { Description = "Always take the most probable token. This is the default, unless one of the next four options is given." };
        var temperature = new Option<float?>("--temperature") { Description = "Sample from the probabilities: below 1 sharpens them, above 1 flattens them." };
        var topK = new Option<int?>("--top-k") { Description = "Sample from this many of the most probable tokens; 50 by default when sampling, 0 for all." };
        var topP = new Option<float?>("--top-p") { Description = "Sample from the most probable tokens whose probabilities add up to this (nucleus sampling)." };
        var penalty = new Option<float>("--repetition-penalty") { DefaultValueFactory = _ => 1, Description = "Above 1, tokens that were there already become less probable: their logits are divided by this where positive, multiplied where negative." };
        var seed = new Option<int?>("--seed") { Description = "Sample with this seed: the same seed gives the same text." };
        var beams = new Option<int>("--beams") { DefaultValueFactory = _ => 1, Description = "Beam search with this many beams; the best text is printed at the end." };
        var stop = new Option<string[]>("--stop") { DefaultValueFactory = _ => [], Description = "Stop when the new text contains this; may be given several times." };
        var precision = new Option<string>("--precision") { DefaultValueFactory = _ => "float32", Description = "How weights are stored: float32, bf16 (up to twice as fast where memory is the limit) or int8 (two to four times)." };
        precision.AcceptOnlyFromAmong("float32", "bf16", "int8");
        var threads = new Option<int?>("--threads") { Description = "Number of threads; by default one for each processor." };
        Option<string?> device = DeviceOption.Create();
        var command = new Command("generate", "Continue a text with a GPT-2. The text goes to standard output as it comes, its speed to standard error.")
        {
            model, adapter, prompt, promptIds, maxLength, maxNew, greedy, temperature, topK, topP, seed, penalty, beams, stop, precision, threads, device,
        };
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            FinetuneCommand.SetThreads(parsed.GetValue(threads));
            bool samples = parsed.GetValue(temperature) is not null || parsed.GetValue(topK) is not null || parsed.GetValue(topP) is not null || parsed.GetValue(seed) is not null;
            if (samples && parsed.GetValue(greedy))
                throw new UsageException("--greedy takes the most probable token; --temperature, --top-k, --top-p and --seed sample. Leave one or the other out.");
            if (parsed.GetValue(stop)!.Length > 0 && (parsed.GetValue(promptIds) is not null || parsed.GetValue(beams) > 1))
                throw new UsageException("--stop looks into one text as it grows: it goes with --prompt, not with --prompt-ids or --beams.");
            if (parsed.GetValue(prompt) is null == parsed.GetValue(promptIds) is null)
                throw new UsageException("generate takes either --prompt TEXT or --prompt-ids 1,2,3.");
            if (parsed.GetValue(maxLength) is not null && parsed.GetValue(maxNew) is not null)
                throw new UsageException("--max-length counts the prompt and --max-new-tokens does not; give one of them.");
            var options = new GenerationOptions
            {
                DoSample = samples,
                Temperature = (float)FinetuneCommand.Within(parsed.GetValue(temperature) ?? 1, 1e-3, 1e3, "--temperature"),
                TopK = (int)FinetuneCommand.Within(parsed.GetValue(topK) ?? 50, 0, int.MaxValue, "--top-k"),
                TopP = (float)FinetuneCommand.Within(parsed.GetValue(topP) ?? 1, 1e-6, 1, "--top-p"),
                Seed = parsed.GetValue(seed),
                RepetitionPenalty = (float)FinetuneCommand.Within(parsed.GetValue(penalty), 1e-3, 1e3, "--repetition-penalty"),
                NumBeams = (int)FinetuneCommand.Within(parsed.GetValue(beams), 1, 1024, "--beams"),
                StopStrings = parsed.GetValue(stop)!,
            };
            string folder = TextModelFolder.Choose(parsed.GetValue(model), parsed.GetValue(adapter), "generate");
            var run = new GenerateRun(terminal, parsed.InvocationConfiguration.Error)
            {
                Adapter = parsed.GetValue(adapter),
                MaxLength = parsed.GetValue(maxLength) is int whole ? (int)FinetuneCommand.Within(whole, 1, int.MaxValue, "--max-length") : null,
                MaxNewTokens = parsed.GetValue(maxNew) is int added ? (int)FinetuneCommand.Within(added, 1, int.MaxValue, "--max-new-tokens") : null,
                Precision = parsed.GetValue(precision) switch { "bf16" => WeightPrecision.BFloat16, "int8" => WeightPrecision.Int8, _ => WeightPrecision.Float32 },
            };
            if (parsed.GetValue(promptIds) is string ids)
                run.Ids(folder, [.. ids.Split(',').Select(Id)], options);
            else
                run.Text(folder, parsed.GetValue(prompt)!, options);
            return Application.Done;
        });
        return command;
    }

    private static int Id(string text) => int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int id) ? id
        : throw new UsageException($"--prompt-ids has '{text}'; tokens are whole numbers with commas between: 7454,2402,257,640.");
}
