using System.Globalization;
using Graft.Training;

namespace Graft.Importers.Text;

/// <summary>Texts with a class each, from a file of two columns with a tab between: a label and a text.</summary>
public sealed class LabelledTexts
{
    private const int MostListed = 10;
    private const string LabelTitle = "label", TextTitle = "text";

    private LabelledTexts(string name, IReadOnlyList<string> texts, IReadOnlyList<string> labels, IReadOnlyList<string> classNames)
    {
        (Name, Texts, Labels, ClassNames) = (name, texts, labels, classNames);
        var ids = classNames.Select((c, i) => (c, i)).ToDictionary(c => c.c, c => c.i);
        Classes = [.. labels.Select(l => ids.TryGetValue(l, out int id) ? id
            : throw new GraftException($"{name}: has texts of class '{l}', which is none of {string.Join(", ", classNames.Select(c => $"'{c}'"))}. Take these texts out, or learn from texts of this class too."))];
    }

    /// <summary>Where they come from, for messages.</summary>
    public string Name { get; }

    /// <summary>The texts.</summary>
    public IReadOnlyList<string> Texts { get; }

    /// <summary>The label of each.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>The labels there are, in the order of their code points.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The class of each text: the place of its label in <see cref="ClassNames"/>.</summary>
    public IReadOnlyList<int> Classes { get; }

    /// <summary>Number of texts of a class.</summary>
    public int CountOf(int c) => Classes.Count(k => k == c);

    /// <summary>Reads a file in UTF-8: a text a line, without quoting. A first line that says "label" and "text" is taken as the titles of the columns.</summary>
    /// <param name="path">The file.</param>
    /// <param name="labelColumn">The column of the labels, 1 or 2; null for the one with that title, else the one that has known classes alone, else the one that has fewer different entries.</param>
    /// <param name="classNames">The classes that there are, where they are known already; null for those of the file.</param>
    /// <exception cref="GraftException">The file is missing, not UTF-8, or has lines that are no label and text: up to ten are listed with their numbers.</exception>
    public static LabelledTexts Read(string path, int? labelColumn = null, IReadOnlyList<string>? classNames = null)
    {
        var faults = new List<string>();
        List<string[]> lines = ReadLines(path, faults);
        if (faults.Count > 0)
            throw new GraftException($"{path}: {faults.Count} line{(faults.Count == 1 ? " is" : "s are")} not a label and a text with a tab between: {string.Join("; ", faults.Take(MostListed))}{(faults.Count > MostListed ? "; ..." : "")}. Mend or remove {(faults.Count == 1 ? "it" : "them")}.");
        int? titled = TitledColumn(lines[0]);
        if (titled is not null)
            lines.RemoveAt(0);
        if (lines.Count == 0)
            throw new GraftException($"{path}: has titles and no text; a label and a text in each line are due.");
        int label = labelColumn - 1 ?? titled ?? KnownColumn(lines, classNames) ?? FewerEntries(path, lines);
        return new LabelledTexts(path, [.. lines.Select(l => l[1 - label])], [.. lines.Select(l => l[label])],
            classNames ?? [.. lines.Select(l => l[label]).Distinct().Order(StringComparer.Ordinal)]);
    }

    /// <summary>Holds a share of each class back for validation.</summary>
    /// <exception cref="GraftException">A class has one text alone.</exception>
    public (LabelledTexts Training, LabelledTexts Validation) Split(double share, int seed)
    {
        int single = Enumerable.Range(0, ClassNames.Count).FirstOrDefault(c => CountOf(c) == 1, -1);
        if (single >= 0)
            throw new GraftException($"{Name}: has one text alone of class '{ClassNames[single]}'; one to learn from and one to check with are due. Add texts of it, or take it out.");
        bool[] held = StratifiedSplit.HoldBack(Classes, share, seed);
        LabelledTexts Part(bool isHeld, string what) => new($"{Name} ({what})", [.. Texts.Where((_, i) => held[i] == isHeld)], [.. Labels.Where((_, i) => held[i] == isHeld)], ClassNames);
        return (Part(false, "the part to train on"), Part(true, "the part to validate on"));
    }

    private static List<string[]> ReadLines(string path, List<string> faults)
    {
        string[] lines = TextDocuments.SplitLines(TextDocuments.ReadText(path, "a file with a label and a text in each line, a tab between,"));
        var cells = new List<string[]>(lines.Length);
        for (int i = 0; i < lines.Length; i++)
        {
            string[] line = lines[i].Split('\t');
            string? fault = line.Length switch
            {
                1 => line[0].Length == 0 ? "is empty" : "has no tab",
                2 => line[0].Length == 0 ? "has nothing before the tab" : line[1].Length == 0 ? "has nothing behind the tab" : null,
                _ => $"has {line.Length} columns",
            };
            if (fault is null)
                cells.Add(line);
            else
                faults.Add(string.Create(CultureInfo.InvariantCulture, $"line {i + 1} {fault}"));
        }
        return cells;
    }

    private static int? TitledColumn(string[] line)
    {
        bool Is(int column, string title) => line[column].Equals(title, StringComparison.OrdinalIgnoreCase);
        return Is(0, LabelTitle) && Is(1, TextTitle) ? 0 : Is(0, TextTitle) && Is(1, LabelTitle) ? 1 : null;
    }

    private static int? KnownColumn(List<string[]> lines, IReadOnlyList<string>? classNames)
    {
        bool IsKnown(int column) => classNames is not null && lines.TrueForAll(l => classNames.Contains(l[column]));
        return IsKnown(0) == IsKnown(1) ? null : IsKnown(0) ? 0 : 1;
    }

    private static int FewerEntries(string path, List<string[]> lines)
    {
        int first = lines.Select(l => l[0]).Distinct().Count(), second = lines.Select(l => l[1]).Distinct().Count();
        return first < second ? 0 : second < first ? 1
            : throw new GraftException($"{path}: both columns have {first} different entries, and which has the labels does not show. Put a first line 'label<tab>text' above them, or name the column (1 or 2).");
    }
}
