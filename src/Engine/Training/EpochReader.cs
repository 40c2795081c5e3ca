namespace Graft.Training;

/// <summary>
/// Reads the batches of an epoch in order: without inputs where a cache is said to know what they lead to, and with them from the batch on where that
/// turns out to be wrong (a layer was unfrozen in mid-epoch, a row of the cache is damaged).
/// </summary>
internal sealed class EpochReader(BatchSource data, int epoch, int first, bool withoutInputs, CancellationToken cancellationToken) : IDisposable
{
    private IEnumerator<Batch> _batches = (withoutInputs ? data.EpochWithoutInputs(epoch, first, cancellationToken) : data.Epoch(epoch, first, cancellationToken)).GetEnumerator();

    private Batch? _current;
    private bool _isAtStart = true;

    /// <summary>The batch read last; the reader gives it back when it goes on.</summary>
    public Batch Current => _current ?? throw new InvalidOperationException("No batch has been read.");

    /// <summary>Reads the next batch; false at the end of the epoch.</summary>
    /// <exception cref="GraftException">The epoch has none at all.</exception>
    public bool MoveNext()
    {
        Return();
        _current = _batches.MoveNext() ? _batches.Current : null;
        if (_current is null && _isAtStart)
            throw new GraftException($"Epoch {epoch} (counted from 0) of the data, a {data.GetType().Name}, gave no batch, where {data.BatchesPerEpoch - first} are due; an epoch can be asked for any number of times.");
        _isAtStart = false;
        return _current is not null;
    }

    /// <summary>The batch of that number once more, with its inputs; those behind it come with theirs too.</summary>
    public Batch WithInputs(int batch)
    {
        Return();
        _batches.Dispose();
        _batches = data.Epoch(epoch, batch, cancellationToken).GetEnumerator();
        return MoveNext() ? Current : throw new InvalidOperationException($"The data set has no batch {batch} in epoch {epoch}.");
    }

    public void Dispose()
    {
        Return();
        _batches.Dispose();
    }

    private void Return()
    {
        if (_current is not null)
            data.Return(_current);
        _current = null;
    }
}
