using System.Globalization;
using Graft.Importers.Images;
using Graft.Training;

namespace Graft.Bench.Quick;

/// <summary>Photographs from files to batches, decoded anew in each epoch, beside what the decoder alone does on as many threads.</summary>
internal sealed class ImageLoadingCase : IQuickCase
{
    private const string Name = "image-loading", DraftName = $"draft-{Name}", DecoderName = $"decoder-{Name}";
    private const int Photographs = 400, BatchSize = 20, Side = 150;
    private const double Budget = 12; // seconds: the first rounds also compile

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; } = [Name, DraftName, DecoderName];

    /// <summary>An image folder that keeps no pixels, so that every epoch decodes.</summary>
    public static ImageFolder Open(SyntheticPhotographs photographs, int threads, bool draft = false) => ImageFolder.Open(photographs.Folder, (Side, Side), BatchSize, Preprocessing.Rescale,
        new ImageFolderOptions { Resize = ResizeFilter.Bilinear, LabelKind = LabelKind.Binary, Workers = threads, MemoryBudget = 0, Draft = draft });

    /// <summary>Reads one epoch.</summary>
    public static void Read(ImageFolder folder)
    {
        int seen = 0;
        foreach (Batch batch in folder.Epoch(0))
        {
            seen += batch.Size;
            folder.Return(batch); // as training does
        }
        if (seen != folder.Count)
            throw new GraftException($"Bench: {seen} of {folder.Count} images came.");
    }

    /// <inheritdoc/>
    public bool Run(QuickOptions options, Action<string> line, Action<string> note)
    {
        using var photographs = new SyntheticPhotographs(Photographs);
        ImageFolder folder = Open(photographs, options.Threads), drafts = Open(photographs, options.Threads, draft: true);
        Contender[] contenders =
        [
            new(Name, "images/s", () => Read(folder), seconds => Photographs / seconds),
            new(DraftName, "images/s", () => Read(drafts), seconds => Photographs / seconds),
            new(DecoderName, "images/s", photographs.DecodeAll, seconds => Photographs / seconds * options.Threads), // one thread's rate times the threads
        ];
        double[][] seconds = PairedRounds.Measure(contenders, Budget);
        double share = PairedRounds.Median(seconds[0].Zip(seconds[^1], (ours, bare) => bare / options.Threads / ours));
        note(string.Create(CultureInfo.InvariantCulture, $"{Name}: files to batches of {Side} x {Side} at {100 * share:0} % of the decoder's own rate"));
        foreach (string text in contenders.Zip(seconds, QuickBench.Line))
            line(text);
        return true;
    }
}
