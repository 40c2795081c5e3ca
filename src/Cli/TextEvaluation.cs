using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Importers.Text;
using Graft.Kernels;
using Graft.Models;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>Measures a model of texts: the perplexity of a language model on a text, or how a classifier tells the texts of a table.</summary>
internal sealed class TextEvaluation(Terminal terminal, string folder)
{
    private const int MostTokens = 1024, BatchSize = 8;

    /// <summary>Tokens of a block; null for what the model takes.</summary>
    public int? Block { get; init; }

    /// <summary>Folder of an adapter; null for none.</summary>
    public string? Adapter { get; init; }

    /// <summary>What products are computed in.</summary>
    public ComputePrecision Precision { get; init; }

    /// <summary>Writes the numbers, also as JSON where a file is named.</summary>
    public void Run(string text, string? json)
    {
        if (File.Exists(folder))
            throw new GraftException($"{folder}: is a file; --text is for the folder of a model of texts, as finetune-text writes it or Hugging Face has it.");
        bool classifies = Gpt2Config.Open(folder).ClassNames.Count > 0;
        if (classifies && (Block is not null || Adapter is not null))
            throw new UsageException($"--block and --adapter are for a language model; {folder} is a classifier of texts.");
        JsonObject numbers = classifies ? Classes(text) : Perplexity(text);
        if (json is not null)
            WholeFile.Write(json, stream => stream.Write(Encoding.UTF8.GetBytes(numbers.ToJsonString())));
    }

    private JsonObject Classes(string text)
    {
        ConfusionMatrix matrix = new TextPrediction(terminal, folder, json: false) { Precision = Precision }.Measure(text);
        ConfusionTables.Write(matrix, terminal, "texts");
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"macro_f1={matrix.MacroF1:F4}"));
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"accuracy={matrix.Accuracy:F4}"));
        return new JsonObject { ["texts"] = matrix.Total, ["accuracy"] = matrix.Accuracy, ["macro_f1"] = matrix.MacroF1 };
    }

    private JsonObject Perplexity(string text)
    {
        Gpt2Config config = Gpt2Config.Open(folder);
        if (Block is int asked && (asked < 1 || asked > config.Positions))
            throw new GraftException($"--block {asked}: this model takes 1 to {config.Positions} tokens (n_positions).");
        TokenizedText tokens = TokenizedText.Of(TextDocuments.Read(text), TextTokenizers.Open(folder), text);
        int length = Block ?? Math.Min(config.Positions, Math.Clamp(tokens.Tokens.Count - 1, 1, MostTokens));
        var blocks = new TextBlocks(tokens, length, BatchSize, vocabularySize: config.VocabularySize);
        Gpt2 model = TextModelFolder.Load(folder, Adapter, terminal, length);
        model.PlanOptions = model.PlanOptions with { Precision = Precision };
        model.Compile(new Sgd(), TextBlocks.Loss, Metric.Perplexity);
        EvaluationResult result = model.Evaluate(blocks, cancellationToken: terminal.Interrupt);
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"loss={result.Loss:F4} nats a token on {tokens.Tokens.Count - 1:N0} tokens, in blocks of {length}"));
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"perplexity={result["perplexity"]:F4}"));
        return new JsonObject { ["tokens"] = tokens.Tokens.Count - 1, ["block"] = length, ["loss"] = result.Loss, ["perplexity"] = result["perplexity"] };
    }
}
