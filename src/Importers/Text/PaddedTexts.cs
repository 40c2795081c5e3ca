using Graft.Training;

namespace Graft.Importers.Text;

/// <summary>Texts of different lengths as rows of one length, for a model that classifies them.</summary>
public static class PaddedTexts
{
    /// <summary>Rows of ids [texts.Count, length]: a longer text keeps its beginning, a shorter one is filled up at the right.</summary>
    /// <param name="texts">The ids of each text.</param>
    /// <param name="length">Tokens of a row.</param>
    /// <param name="padToken">The id that fills.</param>
    public static float[] Rows(IReadOnlyList<int[]> texts, int length, int padToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        var rows = new float[texts.Count * length];
        Array.Fill(rows, padToken);
        for (int i = 0; i < texts.Count; i++)
        {
            for (int t = 0; t < Math.Min(length, texts[i].Length); t++)
                rows[i * length + t] = texts[i][t];
        }
        return rows;
    }

    /// <summary>A data set of texts and their classes: inputs [N,length], labels [N,1].</summary>
    /// <param name="texts">The ids of each text.</param>
    /// <param name="classes">The class of each.</param>
    /// <param name="classNames">Names of the classes.</param>
    /// <param name="length">Tokens of a row.</param>
    /// <param name="padToken">The id that fills.</param>
    /// <param name="batchSize">Texts in a batch; the last batch of an epoch may be smaller.</param>
    /// <param name="shuffleSeed">Seed of a new order each epoch; null keeps that of the texts.</param>
    public static ArrayBatches Batches(IReadOnlyList<int[]> texts, IReadOnlyList<int> classes, IReadOnlyList<string> classNames, int length, int padToken,
        int batchSize = 32, int? shuffleSeed = null) =>
        new(Rows(texts, length, padToken), new Shape(length), [.. classes.Select(c => (float)c)], new Shape(1), LabelKind.Sparse, batchSize, shuffleSeed)
        {
            Classes = classNames, Counted = new CountedUnit("texts"),
        };
}
