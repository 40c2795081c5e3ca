using Graft.Training;

namespace Graft.Tests.Training;

/// <summary>A data set that does something before each batch.</summary>
internal sealed class WatchedBatches(BatchSource source, Action beforeBatch) : BatchSource
{
    public override int Count => source.Count;

    public override int BatchSize => source.BatchSize;

    public override Shape SampleShape => source.SampleShape;

    public override Shape LabelShape => source.LabelShape;

    public override LabelKind LabelKind => source.LabelKind;

    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
    {
        foreach (Batch batch in source.Epoch(epoch, firstBatch, CancellationToken.None))
        {
            beforeBatch();
            yield return batch;
        }
    }
}
