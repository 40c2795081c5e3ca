using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Importers;
using Graft.Importers.Text;
using Graft.Kernels;
using Graft.Models;
using Graft.Training;

namespace Graft.Cli;

/// <summary>Tells the classes of texts by a classifier's folder.</summary>
internal sealed class TextPrediction
{
    private readonly Terminal _terminal;
    private readonly string _folder;
    private readonly bool _json;
    private readonly Gpt2Config _config;
    private readonly ITokenizer _tokenizer;

    /// <summary>Opens a folder.</summary>
    /// <exception cref="GraftException">It is none of a classifier.</exception>
    public TextPrediction(Terminal terminal, string folder, bool json)
    {
        if (System.IO.File.Exists(folder))
            throw new GraftException($"{folder}: is a file; the folder of a text classifier, as finetune-text --task classification writes it, is due here.");
        (_terminal, _folder, _json, _config) = (terminal, folder, json, Gpt2Config.Open(folder));
        if (_config.ClassNames.Count == 0)
            throw new GraftException($"{folder}: is a language model; config.json names no GPT2ForSequenceClassification. Teach it classes by finetune-text --task classification.");
        _tokenizer = TextTokenizers.Open(folder);
    }

    /// <summary>What products are computed in.</summary>
    public ComputePrecision Precision { get; init; }

    /// <summary>Tells the class of one text.</summary>
    public void Text(string text) => Write([text], Shares([text]));

    /// <summary>Tells the class of each line; where they have labels, also how many are right.</summary>
    public void File(string path)
    {
        if (!path.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase))
        {
            IReadOnlyList<string> lines = TextDocuments.ReadLines(path);
            Write(lines, Shares(lines));
            return;
        }
        LabelledTexts texts = LabelledTexts.Read(path, classNames: _config.ClassNames);
        float[][] shares = Shares(texts.Texts);
        Write(texts.Texts, shares, texts.Labels);
        if (_json)
            return;
        _terminal.Line();
        ConfusionTables.Write(Confusion(texts, shares), _terminal, "texts");
    }

    /// <summary>How often each class is taken for each in a .tsv file.</summary>
    public ConfusionMatrix Measure(string path)
    {
        LabelledTexts texts = LabelledTexts.Read(path, classNames: _config.ClassNames);
        return Confusion(texts, Shares(texts.Texts));
    }

    private static ConfusionMatrix Confusion(LabelledTexts texts, float[][] shares)
    {
        var matrix = new ConfusionMatrix(texts.ClassNames.Count, texts.ClassNames);
        for (int i = 0; i < shares.Length; i++)
            matrix.Add(texts.Classes[i], Best(shares[i]));
        return matrix;
    }

    private float[][] Shares(IReadOnlyList<string> texts)
    {
        int[][] tokens = [.. texts.Select(_tokenizer.Encode)];
        if (Array.FindIndex(tokens, t => t.Length == 0) is >= 0 and var empty)
            throw new GraftException($"{(texts.Count == 1 ? "the text" : $"text {empty + 1} of {texts.Count}")} is empty: it has no token to tell a class by. Leave it out.");
        int length = Math.Clamp(tokens.Max(t => t.Length), 1, _config.TextLength ?? _config.Positions);
        if (_config.PadToken is null && tokens.Any(t => t.Length < length))
            throw new GraftException($"{_folder}: config.json has no pad_token_id, so texts of different lengths cannot be told together; add the id of the token that texts were filled up with in training.");
        Gpt2Classifier model = _terminal.Own(Gpt2Classifier.Build(_config, length));
        model.LoadWeights(WeightFiles.Open(_folder));
        model.PlanOptions = model.PlanOptions with { Precision = Precision };
        float[][] logits = model.Predict(new PaddedTextBatches(tokens, new int[tokens.Length], _config.ClassNames, length, _config.PadToken ?? 0), _terminal.Interrupt);
        return Array.ConvertAll(logits, row => Gpt2Classifier.Probabilities(row));
    }

    private void Write(IReadOnlyList<string> texts, float[][] shares, IReadOnlyList<string>? labels = null)
    {
        IReadOnlyList<string> names = _config.ClassNames;
        if (_json)
        {
            _terminal.Line(new JsonArray([.. texts.Select((text, i) =>
            {
                var row = new JsonObject { ["text"] = text, ["class"] = names[Best(shares[i])], ["probabilities"] = new JsonObject(names.Select((c, k) => KeyValuePair.Create(c, (JsonNode?)shares[i][k]))) };
                if (labels is not null)
                    row["label"] = labels[i];
                return (JsonNode)row;
            })]).ToJsonString());
            return;
        }
        for (int i = 0; i < texts.Count; i++)
        {
            IEnumerable<string> each = names.Select((c, k) => string.Create(CultureInfo.InvariantCulture, $"{c} {shares[i][k]:F4}"));
            string wrong = labels is not null && labels[i] != names[Best(shares[i])] ? $"  labelled {labels[i]}" : "";
            _terminal.Line($"{names[Best(shares[i])]}  ({string.Join(", ", each)})  {texts[i]}{wrong}");
        }
    }

    private static int Best(float[] row) => Array.IndexOf(row, row.Max());
}
