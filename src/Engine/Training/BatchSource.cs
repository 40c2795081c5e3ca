using Graft.Autograd;

namespace Graft.Training;

/// <summary>How the labels of a data set are laid out; a loss says which it takes.</summary>
public enum LabelKind
{
    /// <summary>
    /// One 0 or 1 a sample: [N,1]. For a sigmoid head of one unit. Or several, for samples that may have any number of K labels (multi-label): [N,K], for a
    /// sigmoid head of K units.
    /// </summary>
    Binary,

    /// <summary>One-hot rows: [N,K]. For a softmax head of K units.</summary>
    Categorical,

    /// <summary>One class index a sample, stored as float: [N,1]. For a softmax head of K units.</summary>
    Sparse,

    /// <summary>Any numbers: [N,...]. For regression.</summary>
    Values,
}

/// <summary>One batch in host memory, ready to be copied to a device.</summary>
/// <param name="Inputs">Row-major samples, [N, ...sample shape].</param>
/// <param name="InputShape">Shape of <paramref name="Inputs"/> with the batch axis.</param>
/// <param name="Labels">Row-major labels.</param>
/// <param name="LabelShape">Shape of <paramref name="Labels"/> with the batch axis.</param>
public sealed record Batch(float[] Inputs, Shape InputShape, float[] Labels, Shape LabelShape)
{
    /// <summary>Number of samples.</summary>
    public int Size => InputShape[0];

    /// <summary>For a model with several inputs, those behind the first: shape with the batch axis, and the numbers row-major, none where <see cref="Inputs"/> has none.</summary>
    public IReadOnlyList<(Shape Shape, float[] Values)> MoreInputs { get; init; } = [];

    /// <summary>For a model with several outputs, the labels of those behind the first: shape with the batch axis, and the numbers row-major.</summary>
    public IReadOnlyList<(Shape Shape, float[] Values)> MoreLabels { get; init; } = [];

    /// <summary>Index of each sample in the data set, in the order of the rows.</summary>
    public int[] Indices { get; init; } = [];

    /// <summary>Weight of each sample in the loss, or null for 1.</summary>
    public float[]? SampleWeights { get; init; }

    /// <summary>Shape of each input.</summary>
    internal Shape[] InputShapes => [InputShape, .. MoreInputs.Select(i => i.Shape)];

    /// <summary>The inputs as tensors.</summary>
    internal Tensor[] InputsOn(Tape tape) => [tape.Constant(InputShape, Inputs), .. MoreInputs.Select(i => tape.Constant(i.Shape, i.Values))];

    /// <summary>The labels of an output of the model.</summary>
    internal (Shape Shape, float[] Values) LabelsOf(int output) => output == 0 ? (LabelShape, Labels) : MoreLabels[output - 1];
}

/// <summary>What the labels of an output are.</summary>
/// <param name="Shape">Shape of one label, without the batch axis.</param>
/// <param name="Kind">How they are laid out.</param>
/// <param name="ClassNames">Names of the classes, labels or numbers in label order; empty where they have none.</param>
public sealed record LabelSet(Shape Shape, LabelKind Kind, IReadOnlyList<string> ClassNames);

/// <summary>What a data set's rate counts in the history: the column "images_per_second", "tokens_per_second".</summary>
/// <param name="Name">The plural.</param>
/// <param name="PerSample">How many a sample has.</param>
public sealed record CountedUnit(string Name, int PerSample = 1)
{
    /// <summary>Samples are images.</summary>
    public static CountedUnit Images { get; } = new("images");

    /// <summary>Name of the history's column.</summary>
    public string Column => $"{Name}_per_second";
}

/// <summary>A data set that delivers batches, epoch by epoch, the same for the same seed.</summary>
public abstract class BatchSource
{
    /// <summary>Number of samples in one epoch.</summary>
    public abstract int Count { get; }

    /// <summary>Samples in a full batch; the last batch of an epoch may be smaller.</summary>
    public abstract int BatchSize { get; }

    /// <summary>
    /// Shape of one sample, without the batch axis: [H,W,C]. Where batches differ in the length of their samples, that of the longest; a sample then has the same length
    /// in each epoch, which the cache of frozen features relies on.
    /// </summary>
    public abstract Shape SampleShape { get; }

    /// <summary>Shape of one label, without the batch axis.</summary>
    public abstract Shape LabelShape { get; }

    /// <summary>How labels are laid out.</summary>
    public abstract LabelKind LabelKind { get; }

    /// <summary>For a model with several inputs, the shapes of a sample in those behind the first. <see cref="JoinedBatches"/> puts them beside any data set.</summary>
    public virtual IReadOnlyList<Shape> MoreSampleShapes => [];

    /// <summary>For a model with several outputs, what the labels of those behind the first are.</summary>
    public virtual IReadOnlyList<LabelSet> MoreLabelSets => [];

    /// <summary>Names of the classes, labels or numbers in label order; empty where they have none.</summary>
    public virtual IReadOnlyList<string> ClassNames => [];

    /// <summary>How files became these samples, which a model that is trained on them keeps; null where they come from elsewhere.</summary>
    public virtual Preprocessing? Preprocessing => null;

    /// <summary>What the history's rate counts.</summary>
    public virtual CountedUnit Unit => CountedUnit.Images;

    /// <summary>True where every epoch delivers the same numbers for a sample: no random augmentation.</summary>
    public virtual bool IsDeterministic => true;

    /// <summary>The labels of each output.</summary>
    internal IReadOnlyList<LabelSet> LabelSets => [new LabelSet(LabelShape, LabelKind, ClassNames), .. MoreLabelSets];

    /// <summary>Batches in one epoch, the last one possibly smaller.</summary>
    public int BatchesPerEpoch => (Count + BatchSize - 1) / BatchSize;

    /// <summary>
    /// The batches of one epoch, from <paramref name="firstBatch"/> on. Order and augmentation depend on the seed and
    /// <paramref name="epoch"/> alone, never on the number of workers.
    /// </summary>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public abstract IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default);

    /// <summary>
    /// The same batches where the inputs are known already: labels, weights and indices, and empty inputs if the data set can spare the work.
    /// </summary>
    /// <inheritdoc cref="Epoch"/>
    public virtual IEnumerable<Batch> EpochWithoutInputs(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        Epoch(epoch, firstBatch, cancellationToken);

    /// <summary>
    /// Says that a batch of this data set is not looked at any more, so that its memory may hold another. Training and evaluation say so; who does not
    /// leaves the batch to the garbage collector.
    /// </summary>
    public virtual void Return(Batch batch)
    {
    }

    /// <summary>The order of the samples in an epoch: by a seed and the epoch's number alone; that of the data without a seed.</summary>
    protected int[] Order(int? shuffleSeed, int epoch)
    {
        int[] order = [.. Enumerable.Range(0, Count)];
        if (shuffleSeed is int seed)
            Drawing(seed, epoch).Shuffle(order);
        return order;
    }

    /// <summary>What the order of an epoch is drawn with.</summary>
    protected static Random Drawing(int shuffleSeed, int epoch) => new((int)(RandomSeed.Of(shuffleSeed, epoch, 0) >> 33));

    /// <summary>
    /// Says what the samples are, so that what was computed from them can be told apart from what was computed from others: a digest of all
    /// inputs in order and of how they are prepared, of the augmentation too. Null where the data set cannot say.
    /// </summary>
    public virtual string? Fingerprint => null;
}
