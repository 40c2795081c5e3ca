using System.Globalization;
using Graft.Training;

namespace Graft.Inference;

/// <summary>
/// What the frozen part of a model makes of each sample of one data set, kept for the epochs to come. Where it has all samples of a batch, the
/// plan begins at its boundary; else the plan runs as a whole and the new samples are kept.
/// </summary>
internal sealed class FeatureCache(Model model, BatchSource data, string name, FeatureCacheOptions options, int epochs) : IDisposable
{
    // A number that comes from memory costs as much as some ten operations, one from a disk as some hundred: below, computing it again is as good.
    private const int FewestFlopsPerByte = 30, FewestFlopsPerByteOfFile = 500;

    private (InferencePlan Plan, int Generation, long Version)? _owner;
    private FeatureStore? _store;
    private int[] _places = []; // of each value in a row of the store, and the end of the row: as long as for the longest samples
    private float[] _row = [];
    private float[][] _values = []; // of the boundary, for a batch
    private string _why = "";
    private long _computed, _served;
    private bool _gaveUp;

    /// <summary>What happened, for people; null where nothing is frozen.</summary>
    public string? Summary => _served + _computed == 0 ? _why.Length == 0 ? null : $"frozen base: {name} samples computed at every step ({_why})"
        : string.Create(CultureInfo.InvariantCulture, $"frozen base: {_computed} {name} samples computed once, {_served} times taken from the cache")
            + (_store is { IsFile: true } ? " (in a file)" : "") + (_why.Length == 0 ? "" : $"; {_why}");

    /// <summary>True where the whole epoch can be served without the data set's inputs, as far as can be told before it.</summary>
    public bool HoldsEpoch(bool isTraining, int epoch)
    {
        using Lock.Scope alone = model.Plans.Lock.EnterScope();
        InferencePlan? plan = isTraining ? model.Plans.ForTraining() : model.Plans.ForInference();
        return plan is not null && StoreFor(plan) is { } store && Enumerable.Range(Variant(epoch) * data.Count, data.Count).All(store.Has);
    }

    /// <summary>Runs a plan on a batch.</summary>
    /// <returns>False where neither the cache nor the batch has what is needed: the batch came without inputs.</returns>
    public bool Run(InferencePlan plan, Schedule schedule, Batch batch, int epoch, CancellationToken cancellationToken)
    {
        FeatureStore? store = batch.Indices.Length == batch.Size ? StoreFor(plan) : null; // indices are rows of the store
        if (store is not null && !Fits(schedule.BoundaryWidths))
            store = null;
        if (store is not null && TryServe(store, schedule, batch, epoch))
        {
            schedule.RunFromBoundary(cancellationToken);
            _served += batch.Size;
            return true;
        }
        if (batch.Inputs.Length == 0)
            return false;
        schedule.Run(batch.Inputs, batch.MoreInputs, cancellationToken);
        if (store is not null)
            Keep(store, schedule, batch, epoch);
        return true;
    }

    public void Dispose()
    {
        _store?.Dispose();
        _store = null;
    }

    private int Variant(int epoch) => data.IsDeterministic || options.AugmentedCopies == 0 ? 0 : epoch % options.AugmentedCopies;

    /// <summary>The store for the boundary as it is now: a change of frozen weights or of what is frozen empties it.</summary>
    private FeatureStore? StoreFor(InferencePlan plan)
    {
        if (_gaveUp)
            return null;
        Schedule schedule = plan.Prepare([.. model.Inputs.Select(i => i.Shape.Prepend(Math.Min(data.BatchSize, data.Count)))], data.BatchSize); // of the longest samples
        (InferencePlan, int, long) owner = (plan, plan.Generation, schedule.FrozenVersion);
        if (_owner == owner)
            return _store;
        Dispose();
        _owner = owner;
        int width = schedule.BoundaryWidths.Sum(), variants = data.IsDeterministic ? 1 : options.AugmentedCopies;
        _why = Objection(schedule, width, variants);
        if (_why.Length > 0 || width == 0)
            return null;
        _places = [0, .. schedule.BoundaryWidths.Select((_, i) => schedule.BoundaryWidths[..(i + 1)].Sum())];
        _row = new float[width];
        try
        {
            _store = Open(schedule, checked(data.Count * variants), width);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            (_gaveUp, _why) = (true, $"no cache: {e.Message}");
        }
        return _store;
    }

    /// <summary>Why there is to be no cache; empty where there is, or where nothing is frozen.</summary>
    private string Objection(Schedule schedule, int width, int variants)
    {
        if (!schedule.HasFrozenWork)
            return "";
        if (!options.IsEnabled)
            return "the cache is off";
        if (variants == 0)
            return "every epoch has new variants of the images";
        if (width == 0)
            return "what is trained reads the inputs too, or frozen layers mix the samples of a batch";
        if (epochs < 2 * variants && options.Folder is null)
            return "no sample comes twice";
        long bytes = sizeof(float) * (long)width;
        int fewest = bytes * data.Count * variants > options.MemoryBudget ? FewestFlopsPerByteOfFile : FewestFlopsPerByte;
        return schedule.FrozenFlops / schedule.BatchSize < bytes * fewest ? "its features are larger than the work to compute them" : "";
    }

    /// <summary>True where a row has room for values of these widths: those of shorter samples leave some of it empty.</summary>
    private bool Fits(int[] widths) => widths.Length == _places.Length - 1 && widths.Index().All(w => w.Item <= _places[w.Index + 1] - _places[w.Index]);

    private FeatureStore Open(Schedule schedule, int rows, int width)
    {
        if (options.Folder is not { } folder || data.Fingerprint is not { } fingerprint)
            return ForThisRun();
        if (FeatureDigest.Obstacle(model, schedule.Part) is { } obstacle)
        {
            _why = $"kept for this run alone: {obstacle}";
            return ForThisRun();
        }
        byte[] digest = FeatureDigest.Of(model, schedule.Part, schedule.FrozenSources, model.PlanOptions, model.Device, $"{fingerprint} x {rows / data.Count}");
        try
        {
            Directory.CreateDirectory(folder);
            return FeatureStore.InFile(Path.Combine(folder, $"{Convert.ToHexStringLower(digest)[..32]}.features"), digest, rows, width);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _why = $"kept for this run alone: {e.Message}"; // the folder cannot be written, or another run has the file
            return ForThisRun();
        }

        FeatureStore ForThisRun() => sizeof(float) * (long)rows * width <= options.MemoryBudget ? FeatureStore.InMemory(rows, width) : FeatureStore.InTemporaryFile(rows, width);
    }

    private bool TryServe(FeatureStore store, Schedule schedule, Batch batch, int epoch)
    {
        int first = Variant(epoch) * data.Count;
        foreach (int sample in batch.Indices)
        {
            if (!store.Has(first + sample))
                return false;
        }
        MakeRoom(schedule, batch.Size);
        bool isWhole = schedule.BoundaryWidths is [int width] && width == _row.Length; // no need to part it
        for (int i = 0; i < batch.Size; i++)
        {
            Span<float> row = isWhole ? _values[0].AsSpan(i * _row.Length, _row.Length) : _row;
            if (!store.TryGet(first + batch.Indices[i], row))
                return false; // damaged: it is computed anew
            for (int value = 0; !isWhole && value < _values.Length; value++)
                row.Slice(_places[value], schedule.BoundaryWidths[value]).CopyTo(_values[value].AsSpan(i * schedule.BoundaryWidths[value]));
        }
        schedule.EnsureSteps();
        for (int value = 0; value < _values.Length; value++)
            schedule.SetBoundary(value, _values[value].AsSpan(0, batch.Size * schedule.BoundaryWidths[value])); // one copy, which a GPU makes beside the step before
        return true;
    }

    /// <summary>Room for the values of a batch.</summary>
    private void MakeRoom(Schedule schedule, int samples)
    {
        int[] widths = schedule.BoundaryWidths;
        if (_values.Length != widths.Length)
            _values = Array.ConvertAll(widths, _ => Array.Empty<float>());
        for (int value = 0; value < widths.Length; value++)
        {
            if (_values[value].Length < samples * widths[value])
                _values[value] = new float[samples * widths[value]];
        }
    }

    private void Keep(FeatureStore store, Schedule schedule, Batch batch, int epoch)
    {
        int first = Variant(epoch) * data.Count;
        if (Array.TrueForAll(batch.Indices, i => store.Has(first + i)))
            return;
        MakeRoom(schedule, batch.Size);
        for (int value = 0; value < _values.Length; value++)
            schedule.GetBoundary(value, _values[value].AsSpan(0, batch.Size * schedule.BoundaryWidths[value]));
        try
        {
            for (int i = 0; i < batch.Size; i++)
            {
                int row = first + batch.Indices[i];
                if (store.Has(row))
                    continue;
                for (int value = 0; value < _values.Length; value++)
                    _values[value].AsSpan(i * schedule.BoundaryWidths[value], schedule.BoundaryWidths[value]).CopyTo(_row.AsSpan(_places[value]));
                store.Put(row, _row);
                _computed++;
            }
        }
        catch (IOException e)
        {
            Dispose();
            (_gaveUp, _why) = (true, $"the cache was given up: {e.Message}"); // training goes on without it
        }
    }
}
