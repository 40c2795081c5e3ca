using System.Globalization;
using Graft.Adapters;
using Graft.Importers;
using Graft.Importers.HuggingFace;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Training;

namespace Graft.Cli;

/// <summary>A language model learns a text: GPT-2 from a folder, or a new one whose tokens are characters or learned from the text.</summary>
internal static class TextFineTuning
{
    private const int DefaultBlock = 128;

    /// <summary>Trains, writes the folder of the model or its adapter with history and curves, and returns what was made.</summary>
    public static (Gpt2 Model, ITokenizer Tokenizer, History History, int KeptEpoch) Run(TextFineTuningSettings s, Terminal terminal)
    {
        FineTuning.PrepareOutput(s.Output);
        IReadOnlyList<string> documents = TextDocuments.Read(s.Text, s.Field);
        (Gpt2Config config, ITokenizer tokenizer) = Choose(s, documents);
        int block = s.Block ?? Math.Min(DefaultBlock, config.Positions);
        if (block > config.Positions)
            throw new GraftException($"--block {block}: this model takes 1 to {config.Positions} tokens (n_positions); shorten the blocks.");
        Gpt2 model = terminal.Own(Gpt2.Build(config with { EmbeddingDropout = s.Dropout, ResidualDropout = s.Dropout, AttentionDropout = s.Dropout }, block));
        model.SetSeed(s.Seed);
        model.PlanOptions = model.PlanOptions with { Precision = s.Precision };
        if (s.Model is not null && !s.Resume)
            model.LoadWeights(WeightFiles.Open(s.Model));
        if (s.Freeze is int trainable)
            model.Freeze(trainable);
        if (s.Lora is { } lora)
            Lora.Attach(model, lora);
        TokenizedText text = TokenizedText.Of(documents, tokenizer, s.Text);
        (TokenizedText training, TokenizedText validation) = text.Split(s.Validation);
        var data = new TextBlocks(training, block, s.Batch, s.Seed, config.VocabularySize);
        var check = new TextBlocks(validation, block, s.Batch, vocabularySize: config.VocabularySize);
        Describe(s, terminal, documents, tokenizer, data, check, model);
        model.Compile(Optimizer(s, data), TextBlocks.Loss, Metric.Perplexity);
        var samples = new TextSamples(terminal, model, tokenizer, Prompt(s, tokenizer, check), s.SampleTokens, s.Seed, s.SampleEvery);
        var run = new TextTraining(s, s.Run(), terminal);
        (History history, int kept) = run.Train(model, data, check, "blocks", [new TextEpochLines(terminal, s.Epochs, data), samples]);
        Write(s, terminal, model, config, tokenizer, history);
        run.Finish();
        return (model, tokenizer, history, kept);
    }

    private static (Gpt2Config, ITokenizer) Choose(TextFineTuningSettings s, IReadOnlyList<string> documents)
    {
        if (s.New is not { } sizes)
            return (Gpt2Config.Open(s.Model!), TextTokenizers.Open(s.Model!));
        ITokenizer tokenizer = s.Vocabulary is int size ? BytePairTrainer.Train(documents, size, s.Lowercase) : CharacterTokenizer.Of(documents, hasEnd: documents.Count > 1);
        return (new Gpt2Config
        {
            VocabularySize = tokenizer.VocabularySize, Positions = s.Block ?? DefaultBlock, Blocks = sizes.Blocks, Width = sizes.Width, Heads = sizes.Heads,
            EosToken = tokenizer.EosToken, EmbeddingDropout = s.Dropout, ResidualDropout = s.Dropout, AttentionDropout = s.Dropout,
        }, tokenizer);
    }

    /// <summary>AdamW with the schedule that is asked for.</summary>
    public static AdamW Optimizer(TextFineTuningSettings s, BatchSource data)
    {
        const float Beta2 = 0.999f, NewBeta2 = 0.99f; // a new model sees few steps: its mean square must follow sooner
        return new AdamW(LearningRates.Of(s.Schedule, s.LearningRate, s.StepsOf(data), s.WarmUp), s.WeightDecay, beta2: s.New is null ? Beta2 : NewBeta2, epsilon: 1e-8f)
        {
            CorrectsEpsilon = true, Decays = AdamW.AllButBiasesAndNorms, GlobalClipNorm = s.Clip > 0 ? s.Clip : null,
        };
    }

    /// <summary>How samples begin: as asked for, else as a text does.</summary>
    private static int[] Prompt(TextFineTuningSettings s, ITokenizer tokenizer, TextBlocks check)
    {
        int[] prompt = tokenizer.Encode(s.Samples ?? "");
        return prompt.Length > 0 ? prompt : [tokenizer.EosToken ?? (int)check.Epoch(0).First().Inputs[0]];
    }

    private static void Write(TextFineTuningSettings s, Terminal terminal, Gpt2 model, Gpt2Config config, ITokenizer tokenizer, History history)
    {
        if (s.Lora is { } lora)
            PeftAdapter.Save(s.Output, model, lora, Path.GetFullPath(s.Model!));
        else
            TextModelFolder.Write(s.Output, model, config, tokenizer, s.Model);
        history.Save(Path.Combine(s.Output, "history.json"));
        history.Save(Path.Combine(s.Output, "history.csv"));
        Charts.Loss(history, Path.Combine(s.Output, "curves.png"));
        string what = s.Lora is null ? "config.json, model.safetensors, the tokenizer" : "adapter_config.json, adapter_model.safetensors";
        terminal.Line($"Wrote {what}, history.json, history.csv and curves.png to {s.Output}");
    }

    private static void Describe(TextFineTuningSettings s, Terminal terminal, IReadOnlyList<string> documents, ITokenizer tokenizer, TextBlocks data, TextBlocks check, Gpt2 model)
    {
        long all = model.Parameters.Distinct().Sum(p => p.Shape.Count), moving = model.Parameters.Distinct().Where(p => p.IsTrainable).Sum(p => p.Shape.Count);
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{documents.Count} document{(documents.Count == 1 ? "" : "s")}; {data.LabelCount:N0} tokens to train on, {check.LabelCount:N0} to validate on, of a vocabulary of {tokenizer.VocabularySize:N0}."));
        s.Describe(terminal, data);
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{model.Config.Blocks} blocks of {model.Config.Width} channels, {model.Config.Heads} heads: {all:N0} parameters, {moving:N0} of them learn; {data.BatchesPerEpoch} steps of {data.BatchSize} x {model.Length} tokens an epoch."));
    }
}

/// <summary>Writes one line for each epoch.</summary>
internal sealed class TextEpochLines(Terminal terminal, int epochs, TextBlocks data) : Callback
{
    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        string Value(string name) => string.Create(CultureInfo.InvariantCulture, $"  {name} {row[name]:F4}");
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"Epoch {epoch + 1,2}/{epochs}{Value("loss")}{Value("val_loss")}  val_perplexity {row["val_perplexity"]:F2}  {row[data.Unit.Column]:F0} tokens/s  {row["seconds"]:F1} s"));
    }
}
