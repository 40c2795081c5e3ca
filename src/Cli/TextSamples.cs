using Graft.Importers.Text;
using Graft.Models;
using Graft.Training;

namespace Graft.Cli;

/// <summary>Shows what the model writes by now, after each epoch.</summary>
internal sealed class TextSamples(Terminal terminal, Gpt2 model, ITokenizer tokenizer, int[] prompt, int tokens, int seed) : Callback
{
    private const float Temperature = 0.8f;

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        if (tokens > 0)
            Write(epoch + 1);
    }

    /// <summary>Writes one continuation of the prompt; another for another number.</summary>
    public void Write(int number)
    {
        foreach (string line in tokenizer.Decode([.. prompt, .. Continue(number)]).Split('\n'))
            terminal.Line("  | " + line.TrimEnd('\r'));
    }

    private List<int> Continue(int number)
    {
        var random = new Random((int)(RandomSeed.Of(seed, number, 0) >> 33));
        var written = new List<int>();
        var logits = new float[model.VocabularySize];
        using CausalSession session = model.Open(1, Math.Min(model.MaxLength, prompt.Length + tokens));
        session.Read([prompt], logits);
        while (true)
        {
            terminal.Interrupt.ThrowIfCancellationRequested();
            int token = Draw(logits, random);
            if (token == tokenizer.EosToken)
                return written;
            written.Add(token);
            if (session.Length(0) == session.Capacity || written.Count == tokens)
                return written;
            session.Read([[token]], logits);
        }
    }

    // A token with probability softmax(logits / Temperature), of those that the tokenizer knows.
    private int Draw(float[] logits, Random random)
    {
        double[] weights = Array.ConvertAll(logits[..Math.Min(logits.Length, tokenizer.VocabularySize)], l => Math.Exp((l - logits.Max()) / Temperature));
        double left = random.NextDouble() * weights.Sum();
        int token = 0;
        while (token < weights.Length - 1 && (left -= weights[token]) >= 0)
            token++;
        return token;
    }
}
