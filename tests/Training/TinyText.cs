using Graft.Importers.Text;
using Graft.Models;

namespace Graft.Tests.Training;

/// <summary>A small language model and a text with some order in it.</summary>
internal static class TinyText
{
    public const int Length = 8;

    public const string Words = "the cat sat on the mat and the dog sat on the log and the frog sat on the bog and ";

    public static CharacterTokenizer Tokenizer { get; } = CharacterTokenizer.Of([Words]);

    public static TextBlocks Blocks(int repeats = 3, int batchSize = 4, int? shuffleSeed = 5) =>
        new(TokenizedText.Of([string.Concat(Enumerable.Repeat(Words, repeats))], Tokenizer), Length, batchSize, shuffleSeed);

    public static Gpt2 Model(float dropout = 0, int seed = 3, int width = 16)
    {
        Gpt2 gpt = Gpt2.Build(new Gpt2Config
        {
            VocabularySize = Tokenizer.VocabularySize, Positions = Length, Width = width, Blocks = 2, Heads = 2,
            EmbeddingDropout = dropout, ResidualDropout = dropout, AttentionDropout = dropout,
        });
        gpt.SetSeed(seed);
        return gpt;
    }

    public static float[] Weights(Model model) => [.. model.Parameters.Distinct().SelectMany(p => p.Value.ToArray())];
}
