using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>
/// Photographs with labels. Every file is decoded and resized when the data set is opened, so that all bad files are known before the first epoch. The small pixels are kept up to
/// <see cref="ImageFolderOptions.MemoryBudget"/>; beyond it, files are decoded again in each epoch.
/// </summary>
public abstract class ImageBatches : BatchSource
{
    private readonly ImageReader _reader;
    private readonly IReadOnlyList<Sample> _samples;
    private readonly InputArrays _inputs;
    private string? _fingerprint;

    private protected ImageBatches(ImageFolderOptions options, Preprocessing preprocessing, int batchSize, IReadOnlyList<Sample> samples, IReadOnlyList<string> badFiles)
    {
        Options = options;
        Preprocessing = preprocessing;
        _reader = new ImageReader(preprocessing);
        BatchSize = batchSize;
        _samples = samples;
        BadFiles = badFiles;
        _inputs = new InputArrays(batchSize * SampleShape.Count);
    }

    /// <inheritdoc/>
    public override int Count => _samples.Count;

    /// <inheritdoc/>
    public override int BatchSize { get; }

    /// <inheritdoc/>
    public override Shape SampleShape => _reader.Shape;

    /// <inheritdoc/>
    public override Shape LabelShape => new(_samples[0].Label.Length);

    /// <inheritdoc/>
    public override LabelKind LabelKind => Options.LabelKind;

    /// <inheritdoc/>
    public override bool IsDeterministic => Options.Augmentation is null;

    /// <summary>How a file becomes a sample: the preprocessing that was given, with this data set's size and filter.</summary>
    public override Preprocessing Preprocessing { get; }

    /// <summary>Told of each batch that is handed out: samples of this epoch so far, and all of it.</summary>
    public IProgress<(int Done, int Total)>? BatchProgress { get; set; }

    /// <summary>Bytes of pixels, and of masks, that are kept between epochs.</summary>
    public long KeptBytes => _samples.Sum(s => (long)(s.Pixels?.Length ?? 0) + (s.Mask?.Length ?? 0));

    /// <summary>One line for each file that was left out: its path and the reason.</summary>
    public IReadOnlyList<string> BadFiles { get; }

    /// <inheritdoc/>
    /// <remarks>SHA-256 over the content of every file in order, and over how files become samples.</remarks>
    public override string Fingerprint => _fingerprint ??= FindFingerprint();

    /// <summary>Full path of each sample, in the order of <see cref="Batch.Indices"/>.</summary>
    public IReadOnlyList<string> Files => [.. _samples.Select(s => s.Path)];

    /// <summary>Class of each sample, in the order of <see cref="Batch.Indices"/>; empty where labels are not one class a sample.</summary>
    public IReadOnlyList<int> Classes => _samples[0].Class < 0 ? [] : [.. _samples.Select(s => s.Class)];

    private protected ImageFolderOptions Options { get; }

    private protected IReadOnlyList<Sample> Samples => _samples;

    /// <summary>Whether labels are made of files, as the inputs are, on the workers' threads.</summary>
    private protected virtual bool LabelsAreMasks => false;

    /// <summary>
    /// Some of the samples, without decoding them again: a fold of a cross-validation (<see cref="StratifiedSplit.Folds"/>), or what a model takes for mislabelled left out.
    /// </summary>
    /// <param name="samples">Numbers of samples, counted from 0 in the order of <see cref="Files"/>; they are the data set in this order.</param>
    /// <param name="shuffleSeed">Seed of the order, drawn anew for each epoch; null keeps it.</param>
    /// <param name="augmentation">Random transforms; null for none.</param>
    /// <exception cref="GraftException">There are none, or one is not there.</exception>
    public ImageBatches Take(IReadOnlyList<int> samples, int? shuffleSeed = null, Augmentation? augmentation = null)
    {
        if (samples.Count == 0)
            throw new GraftException("Take: no samples; name one or more.");
        foreach (int sample in samples)
        {
            if (sample < 0 || sample >= Count)
                throw new GraftException($"Take: there is no sample {sample}; they are 0 to {Count - 1}.");
        }
        return With(Options with { ShuffleSeed = shuffleSeed, Augmentation = augmentation }, [.. samples.Select(i => _samples[i])]);
    }

    private protected abstract ImageBatches With(ImageFolderOptions options, IReadOnlyList<Sample> samples);

    /// <inheritdoc/>
    public override IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: true, cancellationToken);

    /// <inheritdoc/>
    public override IEnumerable<Batch> EpochWithoutInputs(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Batches(epoch, firstBatch, withInputs: false, cancellationToken);

    /// <inheritdoc/>
    public override void Return(Batch batch) => _inputs.Return(batch);

    private IEnumerable<Batch> Batches(int epoch, int firstBatch, bool withInputs, CancellationToken cancellationToken)
    {
        int[] order = Order(Options.ShuffleSeed, epoch);
        // Batches are begun ahead of the consumer and handed over in order: who prepares a sample does not matter.
        using var workers = new SampleWorkers(Options.Workers); // a consumer that stops early leaves batches behind
        int mostAhead = 2 + Options.Workers / BatchSize;
        var ahead = new Queue<(Batch Batch, SampleWorkers.Job Job)>();
        int next = firstBatch, done = firstBatch * BatchSize;
        while (true)
        {
            while (ahead.Count < mostAhead && next < BatchesPerEpoch)
            {
                int[] indices = order[(next * BatchSize)..Math.Min(Count, (next + 1) * BatchSize)];
                ahead.Enqueue(Begin(indices, epoch, withInputs, workers));
                next++;
            }
            if (!ahead.TryDequeue(out (Batch Batch, SampleWorkers.Job Job) first))
                yield break;
            workers.Wait(first.Job, cancellationToken);
            done += first.Batch.Size;
            BatchProgress?.Report((done, Count));
            yield return first.Batch;
        }
    }

    private string FindFingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Preprocessing p = Preprocessing;
        string augmentation = Options.Augmentation is { } drawn ? $"{drawn} {Options.ShuffleSeed}" : "";
        hash.AppendData(Encoding.UTF8.GetBytes($"{p.ReverseChannels} {p.Scale:R} {string.Join(' ', p.Mean)} {string.Join(' ', p.Std)} {p.Input} {augmentation}"));
        hash.AppendData(MemoryMarshal.AsBytes(p.MeanImage is null ? [] : p.MeanImage.Values));
        foreach (Sample sample in _samples)
            hash.AppendData(SHA256.HashData(File.ReadAllBytes(sample.Path)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private (Batch Batch, SampleWorkers.Job Job) Begin(int[] indices, int epoch, bool withInputs, SampleWorkers workers)
    {
        int pixels = (int)SampleShape.Count, width = (int)LabelShape.Count;
        float[] inputs = withInputs ? _inputs.Rent(indices.Length * pixels) : [];
        var labels = new float[indices.Length * width];
        void PrepareSample(int i) => Prepare(indices[i], epoch, withInputs ? inputs.AsSpan(i * pixels, pixels) : default, labels.AsSpan(i * width, width));
        bool takesWorkers = withInputs || LabelsAreMasks;
        SampleWorkers.Job job = workers.Begin(takesWorkers ? indices.Length : 0, PrepareSample);
        for (int i = 0; !takesWorkers && i < indices.Length; i++)
            PrepareSample(i); // copies a label
        return (new Batch(inputs, SampleShape.Prepend(indices.Length), labels, LabelShape.Prepend(indices.Length)) { Indices = indices }, job);
    }

    /// <summary>A sample's label, and its input unless nobody asks for it.</summary>
    private void Prepare(int index, int epoch, Span<float> input, Span<float> label)
    {
        Sample sample = _samples[index];
        (int height, int columns, int channels) = (SampleShape[0], SampleShape[1], SampleShape[2]);
        ImageTransform? transform = Options.Augmentation?.Draw(new Random((int)(RandomSeed.Of(Options.ShuffleSeed ?? 0, epoch + 1, index) >> 33)), height, columns);
        WriteLabel(sample, transform, label);
        if (input.IsEmpty)
            return;
        if (transform is not null)
            _reader.Prepare(transform.Apply(Array.ConvertAll(sample.Pixels ?? _reader.Pixels(sample.Path), b => (float)b), height, columns, channels), input);
        else if (sample.Pixels is { } kept)
            _reader.Prepare(kept, input);
        else
            _reader.Read(sample.Path, input);
    }

    /// <summary>Writes the label of a sample whose photograph is moved so.</summary>
    private protected virtual void WriteLabel(Sample sample, ImageTransform? transform, Span<float> label) => sample.Label.CopyTo(label);

    /// <summary>The part that the options name: of each class its first share, or all but it; of all samples where labels are no classes.</summary>
    private protected static List<Sample> Part(List<Sample> samples, ImageFolderOptions options)
    {
        if (options.Subset == Subset.All)
            return samples;
        HashSet<Sample> first = new(samples.GroupBy(s => s.Class).SelectMany(c => c.Take((int)(options.ValidationSplit * c.Count()))), ReferenceEqualityComparer.Instance);
        return [.. samples.Where(s => first.Contains(s) == (options.Subset == Subset.Validation))];
    }

    /// <summary>Decodes all files, on several threads.</summary>
    /// <param name="path">What is opened, for errors.</param>
    /// <param name="files">The files with their labels; those of Pixels are looked at after this.</param>
    /// <param name="reader">Resizes them.</param>
    /// <param name="options">What to do with bad ones.</param>
    /// <param name="readMask">Reads the mask of a sample, a byte for each pixel; null where labels are none.</param>
    private protected static (List<Sample> Samples, string[] Bad) Decode(string path, IReadOnlyList<Sample> files, ImageReader reader, ImageFolderOptions options, Func<Sample, byte[]>? readMask = null)
    {
        long kept = options.MemoryBudget / (reader.Shape.Count + (readMask is null ? 0 : reader.Shape[0] * reader.Shape[1])); // the first images, whatever the order of decoding
        var samples = new Sample?[files.Count];
        var bad = new ConcurrentDictionary<int, string>();
        var counting = new Lock();
        int done = 0;
        Parallel.For(0, files.Count, new ParallelOptions { MaxDegreeOfParallelism = options.Workers, CancellationToken = options.CancellationToken }, i =>
        {
            try
            {
                byte[] pixels = reader.Pixels(files[i].Path);
                byte[]? mask = readMask?.Invoke(files[i]);
                samples[i] = i < kept ? files[i] with { Pixels = pixels, Mask = mask } : files[i];
            }
            catch (GraftException e)
            {
                bad[i] = e.Message; // collected: all of them are reported at once
            }
            lock (counting)
                options.Progress?.Report((++done, files.Count));
        });
        string[] reasons = [.. bad.OrderBy(b => b.Key).Select(b => b.Value)];
        if (reasons.Length > 0 && options.BadImages == BadImages.Throw)
            throw new BadImagesException(path, reasons, files.Count);
        if (options.BadImages == BadImages.Substitute)
            Substitute(samples, bad.Keys, files);
        List<Sample> good = [.. samples.OfType<Sample>()];
        return good.Count > 0 ? (good, reasons) : throw new GraftException($"{path}: none of its {files.Count} images can be read:\n  {string.Join("\n  ", reasons)}");
    }

    /// <summary>In place of each bad image the next good one of its class, from the first on behind the last; where a class has none, nothing.</summary>
    private static void Substitute(Sample?[] samples, IEnumerable<int> bad, IReadOnlyList<Sample> files)
    {
        ILookup<int, int> good = Enumerable.Range(0, files.Count).Where(i => samples[i] is not null).ToLookup(i => files[i].Class);
        foreach ((int at, int other) in bad.Where(i => good.Contains(files[i].Class)).Select(i => (i, good[files[i].Class].Append(-1).First(g => g > i || g < 0))).ToList())
            samples[at] = samples[other >= 0 ? other : good[files[at].Class].First()];
    }

    /// <summary>A file with its label.</summary>
    /// <param name="Path">Full path.</param>
    /// <param name="Label">The label as it is delivered.</param>
    /// <param name="Class">Index of its class; -1 where the label is none.</param>
    /// <param name="Pixels">Resized pixels; null beyond the memory budget.</param>
    private protected sealed record Sample(string Path, float[] Label, int Class, byte[]? Pixels = null)
    {
        /// <summary>Full path of the mask; null where the label is none.</summary>
        public string? MaskPath { get; init; }

        /// <summary>Class of each pixel, resized; null beyond the memory budget.</summary>
        public byte[]? Mask { get; init; }
    }
}
