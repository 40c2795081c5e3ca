using System.Globalization;
using Graft.Importers;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Training;

namespace Graft.Bench.Precision;

/// <summary>A GPT-2 whose tokens are the characters of a text, with the end of the text that it has not learned from.</summary>
internal sealed record CharacterModel(Gpt2 Model, TokenizedText Held, int Length)
{
    private const int Block = 64, Batch = 16, WarmUpSteps = 100, Seed = 0;
    private const float LearningRate = 4e-3f;
    private const double Validation = 0.1;

    /// <summary>Opens a folder that finetune-text has written; the text is split as there.</summary>
    public static CharacterModel Open(string folder, string text)
    {
        Gpt2Config config = Gpt2Config.Open(folder);
        int length = Math.Min(Block, config.Positions);
        Gpt2 model = Gpt2.Build(config, length);
        model.LoadWeights(WeightFiles.Open(folder));
        return new CharacterModel(model, Split(text, TextTokenizers.Open(folder)).Validation, length);
    }

    /// <summary>Trains as `graft finetune-text --new 4x128x4 --block 64 --batch 16 --learning-rate 4e-3 --schedule cosine --warmup 100` does: 0.8 million parameters.</summary>
    public static CharacterModel Train(string text, int epochs, Action<string> note)
    {
        CharacterTokenizer tokenizer = CharacterTokenizer.Of(TextDocuments.Read(text));
        (TokenizedText training, TokenizedText held) = Split(text, tokenizer);
        Gpt2 model = Gpt2.Build(new Gpt2Config
        {
            VocabularySize = tokenizer.VocabularySize, Positions = Block, Blocks = 4, Width = 128, Heads = 4, EosToken = null,
            EmbeddingDropout = 0, ResidualDropout = 0, AttentionDropout = 0,
        });
        model.SetSeed(Seed);
        var data = new TextBlocks(training, Block, Batch, Seed);
        var check = new TextBlocks(held, Block, Batch);
        int steps = epochs * data.BatchesPerEpoch;
        if (steps <= WarmUpSteps)
            throw new GraftException($"{text}: {epochs} epoch(s) of it are {steps} steps, and the learning rate rises for {WarmUpSteps} before it falls; take more text or more epochs.");
        var rate = new WarmUp(new CosineDecay(LearningRate, steps - WarmUpSteps), WarmUpSteps);
        model.Compile(new AdamW(rate, beta2: 0.99f, epsilon: 1e-8f) { CorrectsEpsilon = true, Decays = AdamW.AllButBiasesAndNorms, GlobalClipNorm = 1 }, TextBlocks.Loss, Metric.Perplexity);
        model.Fit(data, epochs, check, new FitOptions
        {
            Seed = Seed,
            Callbacks = [new LambdaCallback { EpochEnd = (_, epoch, row) => note(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch + 1}/{epochs}: loss {row["loss"]:F4}, validation loss {row["val_loss"]:F4}")) }],
        });
        return new CharacterModel(model, held, Block);
    }

    /// <summary>Perplexity of the end of the text by the layer graph, as training reports it.</summary>
    public double GraphPerplexity()
    {
        Model.Compile(new AdamW(), TextBlocks.Loss, Metric.Perplexity);
        return Model.Evaluate(new TextBlocks(Held, Length, Batch))["perplexity"];
    }

    private static (TokenizedText Training, TokenizedText Validation) Split(string text, ITokenizer tokenizer) =>
        TokenizedText.Of(TextDocuments.Read(text), tokenizer, text).Split(Validation);
}
