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
        var random = new Random((int)(RandomSeed.Of(seed, number, 0) >> 33));
        var all = new List<int>(prompt);
        var logits = new float[model.VocabularySize];
        while (all.Count < prompt.Length + tokens)
        {
            using CausalSession session = model.Open(1, model.MaxLength);
            int kept = all.Count < session.Capacity ? all.Count : Math.Max(1, session.Capacity / 2);
            int[] next = [.. all.Skip(all.Count - kept)];
            while (all.Count < prompt.Length + tokens && session.Length(0) + next.Length <= session.Capacity)
            {
                terminal.Interrupt.ThrowIfCancellationRequested();
                session.Read([next], logits);
                int token = Draw(logits, random);
                if (token == tokenizer.EosToken)
                    return all[prompt.Length..];
                all.Add(token);
                next = [token];
            }
        }
        return all[prompt.Length..];
    }

    // A token with probability softmax(logits / Temperature), of those that the tokenizer knows.
    private int Draw(float[] logits, Random random)
    {
        float largest = logits.Max(); // subtracted, so that no exponential overflows
        double[] weights = Array.ConvertAll(logits[..Math.Min(logits.Length, tokenizer.VocabularySize)], l => Math.Exp((l - largest) / Temperature));
        double left = random.NextDouble() * weights.Sum();
        int token = 0;
        while (token < weights.Length - 1 && (left -= weights[token]) >= 0)
            token++;
        return token;
    }
}
