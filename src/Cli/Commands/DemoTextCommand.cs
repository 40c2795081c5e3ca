using System.CommandLine;
using System.Globalization;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Training;

namespace Graft.Cli.Commands;

/// <summary>graft demo-text: a small GPT-2 learns to write, letter by letter, from sonnets that the program carries.</summary>
internal static class DemoTextCommand
{
    private const string Resource = "Texts.sonnets.txt", Prompt = "When I ";
    private const int Written = 300;

    public static Command Create(Terminal terminal)
    {
        var output = new Option<string>("--output") { DefaultValueFactory = _ => "graft-demo-text", Description = "Folder for text, model and curves." };
        var epochs = new Option<int>("--epochs") { DefaultValueFactory = _ => 24, Description = "Epochs: how often the sonnets are read." };
        var seed = new Option<int>("--seed") { DefaultValueFactory = _ => 1, Description = "Seed for everything that is random: the same seed gives the same result." };
        var threads = new Option<int?>("--threads") { Description = "Number of threads; by default one for each processor." };
        Option<string?> device = DeviceOption.Create();
        var command = new Command("demo-text", "Teach a small GPT-2 to write, letter by letter, from sonnets of Shakespeare.") { output, epochs, seed, threads, device };
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            FinetuneCommand.SetThreads(parsed.GetValue(threads));
            Run(parsed.GetRequiredValue(output), (int)FinetuneCommand.Within(parsed.GetValue(epochs), 1, 1e6, "--epochs"), parsed.GetValue(seed), terminal);
            return Application.Done;
        });
        return command;
    }

    private static void Run(string folder, int epochs, int seed, Terminal terminal)
    {
        FineTuning.PrepareOutput(folder);
        string text = Path.Combine(folder, "sonnets.txt");
        terminal.Line($"1. Writing sonnets of Shakespeare to {text}.");
        using (Stream from = typeof(DemoTextCommand).Assembly.GetManifestResourceStream(Resource)!)
        using (FileStream to = File.Create(text))
            from.CopyTo(to);
        terminal.Line("2. Training a GPT-2 that knows nothing yet; its tokens are the characters of the text. See the loss fall, and the samples take on the shape of verse:");
        (Gpt2 model, ITokenizer tokenizer, History history, _) = TextFineTuning.Run(new TextFineTuningSettings
        {
            New = new NewTextModel(Blocks: 3, Width: 96, Heads: 4), Text = text, Output = folder, Epochs = epochs, Block = 64, Batch = 16, LearningRate = 4e-3f, Schedule = "cosine",
            WarmUp = 20, Dropout = 0.1f, Seed = seed, Samples = Prompt, SampleTokens = 80, SampleEvery = Math.Max(1, epochs / 4), Overwrites = true,
        }, terminal);
        terminal.Line("3. What it writes now:");
        new TextSamples(terminal, model, tokenizer, tokenizer.Encode(Prompt), Written, seed).Write(0);
        terminal.Line($"Look at {Path.Combine(folder, "curves.png")}.");
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"val_loss={history.Last("val_loss"):F4}"));
    }
}
