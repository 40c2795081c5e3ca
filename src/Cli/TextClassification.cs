using System.Globalization;
using Graft.Importers;
using Graft.Importers.HuggingFace;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Training;

namespace Graft.Cli;

/// <summary>A language model learns classes of texts: a head on its base, beside logistic regression on the same texts' words.</summary>
internal static class TextClassification
{
    /// <summary>Trains, evaluates, writes the model's folder with history and pictures, and returns the confusion matrices of the model and of the words.</summary>
    public static (ConfusionMatrix Model, ConfusionMatrix Words, double F1) Run(TextClassificationSettings s, Terminal terminal)
    {
        TextFineTuningSettings training = s.Training;
        FineTuning.PrepareOutput(training.Output);
        (LabelledTexts learned, LabelledTexts held) = Read(s);
        int? positive = Positive(s, learned);
        ITokenizer tokenizer = TextTokenizers.Open(training.Model!);
        Gpt2Config config = Gpt2Config.Open(training.Model!);
        if (config.ClassNames.Count > 0)
            throw new GraftException($"{training.Model}: is a classifier of {string.Join(", ", config.ClassNames)} already; give the folder of a language model.");
        int[][] tokens = [.. learned.Texts.Select(tokenizer.Encode)], heldTokens = [.. held.Texts.Select(tokenizer.Encode)];
        int longest = tokens.Concat(heldTokens).Max(t => t.Length), length = training.Block ?? Math.Min(longest, config.Positions);
        if (length > config.Positions)
            throw new GraftException($"--block {length}: this model takes 1 to {config.Positions} tokens (n_positions); cut texts earlier.");
        int pad = PadToken(config, tokenizer);
        Gpt2Classifier model = Build(training, terminal, config, learned.ClassNames, pad, Math.Max(1, length));
        var data = new PaddedTextBatches(tokens, learned.Classes, learned.ClassNames, model.Length, pad, training.Batch, training.Seed) { Deletion = s.Deletion };
        var check = new PaddedTextBatches(heldTokens, held.Classes, held.ClassNames, model.Length, pad, training.Batch);
        Describe(terminal, learned, held, model, tokens.Concat(heldTokens).Count(t => t.Length > model.Length), longest);
        training.Describe(terminal, data);
        double[]? weights = s.IsBalanced ? Balance(learned) : null;
        model.Compile(TextFineTuning.Optimizer(training, data), Loss.SparseCategoricalCrossEntropy(fromLogits: true, labelSmoothing: s.LabelSmoothing), Metric.Accuracy, Metric.MacroF1);
        var run = new TextTraining(training, s.Run(), terminal);
        (History history, _) = run.Train(model, data, check, "texts", [new ClassifierEpochLines(terminal, training.Epochs)], weights?.Index().ToDictionary(w => w.Index, w => (float)w.Item));
        ConfusionMatrix found = model.Evaluate(check, cancellationToken: terminal.Interrupt).Confusion!;
        Write(training, terminal, model, config, tokenizer, history, found);
        run.Finish();
        double Score(ConfusionMatrix m) => positive is int c ? m.F1(c) : m.MacroF1;
        BagOfWordsClassifier words;
        try
        {
            words = BagOfWordsClassifier.Fit(learned.Texts, learned.Classes, learned.ClassNames.Count, Score, weights, training.Seed, terminal.Interrupt);
        }
        catch (OperationCanceledException) when (terminal.Interrupt.IsCancellationRequested)
        {
            throw new InterruptedException($"interrupted after the training, before it was compared with logistic regression on words: the model and all its files are written to {training.Output} and whole.");
        }
        ConfusionMatrix byWords = words.Evaluate(held.Texts, held.Classes, held.ClassNames);
        Tell(terminal, $"GPT-2 on the {held.Texts.Count} validation texts:", found);
        Tell(terminal, string.Create(CultureInfo.InvariantCulture, $"Logistic regression on words, from the same training texts (tf-idf of {words.Words:N0} words; C = {words.Strength}, the best of {string.Join(", ", BagOfWordsClassifier.Strengths)} by cross-validation on the training texts):"), byWords);
        string what = positive is int p ? $"F1 of '{learned.ClassNames[p]}'" : "Mean F1 of the classes";
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{what}: GPT-2 {Score(found):F4}, words {Score(byWords):F4}"));
        return (found, byWords, Score(found));
    }

    private static (LabelledTexts Training, LabelledTexts Validation) Read(TextClassificationSettings s)
    {
        LabelledTexts texts = LabelledTexts.Read(s.Training.Text, s.LabelColumn);
        if (texts.ClassNames.Count < 2)
            throw new GraftException($"{s.Training.Text}: all texts are of class '{texts.ClassNames[0]}'; there is nothing to tell apart. Two classes or more are due.");
        return s.ValidationText is string other ? (texts, LabelledTexts.Read(other, s.LabelColumn, texts.ClassNames)) : texts.Split(s.Training.Validation, s.Training.Seed);
    }

    /// <summary>Of two classes, the one that is looked for; null where there are more.</summary>
    private static int? Positive(TextClassificationSettings s, LabelledTexts texts)
    {
        if (texts.ClassNames.Count > 2)
            return s.Positive is null ? null : throw new UsageException($"--positive '{s.Positive}' is for two classes; there are {texts.ClassNames.Count}, and the mean of their F1 is reported.");
        if (s.Positive is null)
            return texts.CountOf(0) < texts.CountOf(1) ? 0 : 1;
        int named = Array.IndexOf([.. texts.ClassNames], s.Positive);
        return named >= 0 ? named : throw new UsageException($"--positive '{s.Positive}': the classes are {string.Join(" and ", texts.ClassNames)}.");
    }

    private static int PadToken(Gpt2Config config, ITokenizer tokenizer) => config.PadToken ?? (tokenizer as Gpt2Tokenizer)?.PadToken ?? tokenizer.EosToken
        ?? throw new GraftException($"{tokenizer.Source}: has no token that ends a text or fills rows, and short texts could not be filled up. Take a base that was trained on several documents: a .tsv or .jsonl file.");

    private static Gpt2Classifier Build(TextFineTuningSettings s, Terminal terminal, Gpt2Config config, IReadOnlyList<string> classes, int pad, int length)
    {
        Gpt2 body = terminal.Own(Gpt2.Build(config with { EmbeddingDropout = s.Dropout, ResidualDropout = s.Dropout, AttentionDropout = s.Dropout }, length));
        body.LoadWeights(WeightFiles.Open(s.Model!));
        Gpt2Classifier model = terminal.Own(Gpt2Classifier.On(body, classes, pad));
        model.SetSeed(s.Seed);
        model.PlanOptions = model.PlanOptions with { Precision = s.Precision };
        if (s.Freeze is int trainable)
            model.Freeze(trainable);
        return model;
    }

    /// <summary>For each class, the weight with which all classes count the same: texts / (classes x texts of the class), scikit-learn's 'balanced'.</summary>
    private static double[] Balance(LabelledTexts texts) =>
        [.. Enumerable.Range(0, texts.ClassNames.Count).Select(c => (double)texts.Texts.Count / (texts.ClassNames.Count * texts.CountOf(c)))];

    private static void Write(TextFineTuningSettings s, Terminal terminal, Gpt2Classifier model, Gpt2Config config, ITokenizer tokenizer, History history, ConfusionMatrix found)
    {
        Gpt2Config written = config with { ClassNames = model.Config.ClassNames, PadToken = model.Config.PadToken, TextLength = model.Length };
        TextModelFolder.Write(s.Output, model, written, tokenizer, s.Model);
        history.Save(Path.Combine(s.Output, "history.json"));
        history.Save(Path.Combine(s.Output, "history.csv"));
        Charts.Curves(history, ["accuracy"], Path.Combine(s.Output, "curves.png"));
        Charts.Confusion(found, Path.Combine(s.Output, "confusion.png"));
        terminal.Line($"Wrote config.json, model.safetensors, the tokenizer, history.json, history.csv, curves.png and confusion.png to {s.Output}");
    }

    private static void Describe(Terminal terminal, LabelledTexts learned, LabelledTexts held, Gpt2Classifier model, int cut, int longest)
    {
        string Counts(LabelledTexts texts) => $"{texts.Texts.Count:N0} ({string.Join(", ", texts.ClassNames.Select((c, i) => $"{c} {texts.CountOf(i):N0}"))})";
        long all = model.Parameters.Distinct().Sum(p => p.Shape.Count), moving = model.Parameters.Distinct().Where(p => p.IsTrainable).Sum(p => p.Shape.Count);
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"Texts to train on: {Counts(learned)}; to validate on: {Counts(held)}."));
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"The longest has {longest:N0} tokens; the model reads {model.Length:N0}{(cut == 0 ? "" : $", and of {cut:N0} longer texts the beginning")}. {all:N0} parameters, {moving:N0} of them learn."));
    }

    private static void Tell(Terminal terminal, string title, ConfusionMatrix matrix)
    {
        terminal.Line();
        terminal.Line(title);
        ConfusionTables.Write(matrix, terminal, "texts");
    }
}

/// <summary>Writes one line for each epoch.</summary>
internal sealed class ClassifierEpochLines(Terminal terminal, int epochs) : Callback
{
    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        string Values(string prefix) => string.Create(CultureInfo.InvariantCulture, $"  {prefix}loss {row[$"{prefix}loss"]:F4}  {prefix}accuracy {row[$"{prefix}accuracy"]:F4}  {prefix}macro_f1 {row[$"{prefix}macro_f1"]:F4}");
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"Epoch {epoch + 1,2}/{epochs}{Values("")}{Values("val_")}  {row["texts_per_second"]:F0} texts/s  {row["seconds"]:F1} s"));
    }
}
