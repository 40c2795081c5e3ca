using Graft.Importers.Text;
using Graft.Models;
using Graft.Training;

namespace Graft.Cli;

/// <summary>Shows what the model writes by now, after each epoch.</summary>
internal sealed class TextSamples(Terminal terminal, Gpt2 model, ITokenizer tokenizer, int[] prompt, int tokens, int seed, int every = 1) : Callback
{
    private const float Temperature = 0.8f;

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        if (tokens > 0 && (epoch + 1) % every == 0)
            Write(epoch + 1);
    }

    /// <summary>Writes one continuation of the prompt; another for another number.</summary>
    public void Write(int number)
    {
        foreach (string line in tokenizer.Decode([.. prompt, .. Continue(number)]).Split('\n'))
            terminal.Line("  | " + line.TrimEnd('\r'));
    }

    // Where the model is full it reads the second half of what it holds anew: it sees half of its length at least.
    private List<int> Continue(int number)
    {
        var all = new List<int>(prompt);
        int end = prompt.Length + tokens;
        for (int window = 0; all.Count < end; window++)
        {
            int kept = all.Count < model.MaxLength ? all.Count : Math.Max(1, model.MaxLength / 2);
            GeneratedSequence next = model.Generate([[.. all[^kept..]]], Options(Math.Min(end - all.Count, model.MaxLength - kept), number, window), terminal.Interrupt).Sequences[0];
            all.AddRange(next.Generated);
            if (next.Finish == FinishReason.EndOfText)
                return all[prompt.Length..^1];
        }
        return all[prompt.Length..];
    }

    private GenerationOptions Options(int count, int number, int window) => new()
    {
        MaxNewTokens = count, DoSample = true, Temperature = Temperature, TopK = 0, Seed = (int)(RandomSeed.Of(seed, number, window) >> 33),
        EosTokenIds = tokenizer.EosToken is int end ? [end] : [], SuppressTokens = [.. Enumerable.Range(tokenizer.VocabularySize, Math.Max(0, model.VocabularySize - tokenizer.VocabularySize))],
    };
}
