namespace Graft.Models;

/// <summary>A class that a network saw in an image.</summary>
/// <param name="Wnid">WordNet id: "n01440764".</param>
/// <param name="Name">Name: "tench".</param>
/// <param name="Probability">What the network gave it.</param>
public sealed record ImageNetPrediction(string Wnid, string Name, float Probability);

/// <summary>The 1000 classes of ILSVRC 2012, in the order in which published networks give them.</summary>
/// <remarks>
/// Russakovsky et al. 2014, arXiv:1409.0575. The order is that of the WordNet ids; a name is its synset's first word in WordNet 3.0,
/// which is what Keras's imagenet_class_index.json has. Names are not unique: "crane" is a bird and a machine, "maillot" twice a suit.
/// </remarks>
public static class ImageNet
{
    private static readonly Lazy<IReadOnlyList<(string Wnid, string Name)>> Rows = new(ReadRows);

    /// <summary>Id and name of each class.</summary>
    public static IReadOnlyList<(string Wnid, string Name)> Classes => Rows.Value;

    /// <summary>The likeliest classes of each image, likeliest first; equal ones in the order of the classes. Keras's decode_predictions.</summary>
    /// <param name="rows">What a network with its ImageNet classifier gave: 1000 probabilities for each image.</param>
    /// <param name="top">How many classes to name, 1 to 1000.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is outside 1 to 1000.</exception>
    /// <exception cref="ShapeException">A row does not have 1000 numbers.</exception>
    public static IReadOnlyList<ImageNetPrediction[]> DecodePredictions(IReadOnlyList<float[]> rows, int top = 5)
    {
        if (top < 1 || top > Classes.Count)
            throw new ArgumentOutOfRangeException(nameof(top), top, $"There are 1 to {Classes.Count} classes to name.");
        return [.. rows.Select(row => Decode(row, top))];
    }

    private static ImageNetPrediction[] Decode(float[] row, int top)
    {
        if (row.Length != Classes.Count)
            throw new ShapeException($"DecodePredictions: a row has {row.Length} numbers, an ImageNet classifier gives {Classes.Count}. Decode the output of a network with its top.");
        return [.. Enumerable.Range(0, row.Length).OrderByDescending(k => row[k]).Take(top).Select(k => new ImageNetPrediction(Classes[k].Wnid, Classes[k].Name, row[k]))];
    }

    private static (string Wnid, string Name)[] ReadRows()
    {
        using Stream table = typeof(ImageNet).Assembly.GetManifestResourceStream("ImageNetClasses.classes.tsv")!;
        using var reader = new StreamReader(table);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('\t')).Select(f => (f[0], f[1]))];
    }
}
