using System.Globalization;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Training;

/// <summary>The family that a loss belongs to.</summary>
internal enum LossKind
{
    Binary,
    Categorical,
    Sparse,
    Values,
    Custom,
}

/// <summary>
/// What training makes small: the mean over the batch of one number a sample, each times the sample's weight, sum(w l) / N as
/// Keras has it.
/// </summary>
public sealed class Loss
{
    private readonly Op? _op; // null where code from outside computes
    private readonly Func<Tape, Tensor, Tensor, Tensor>? _compute;
    private readonly int? _ignoredClass;

    private Loss(string name, LossKind kind, bool fromLogits, Op op, int? ignoredClass = null)
    {
        _ignoredClass = ignoredClass;
        Name = name;
        Kind = kind;
        FromLogits = fromLogits;
        _op = op;
        LabelKind = kind switch
        {
            LossKind.Binary => LabelKind.Binary,
            LossKind.Categorical => LabelKind.Categorical,
            LossKind.Sparse => LabelKind.Sparse,
            _ => LabelKind.Values,
        };
    }

    private Loss(string name, LabelKind labels, bool fromLogits, Func<Tape, Tensor, Tensor, Tensor> compute) =>
        (Name, Kind, LabelKind, FromLogits, _compute) = (name, LossKind.Custom, labels, fromLogits, compute);

    /// <summary>Keras's name: "binary_crossentropy".</summary>
    public string Name { get; }

    /// <summary>True where the loss applies the sigmoid or softmax itself, which is the more exact way.</summary>
    public bool FromLogits { get; }

    /// <summary>How labels must be laid out.</summary>
    public LabelKind LabelKind { get; }

    internal LossKind Kind { get; }

    /// <summary>What labels were smoothed by.</summary>
    internal float LabelSmoothing { get; private init; }

    /// <summary>Where Huber's parabola becomes a line; null for other losses.</summary>
    internal float? Delta { get; private init; }

    /// <summary>The label that counts for nothing, or null.</summary>
    internal int? IgnoredClass => _ignoredClass;

    private static float Smoothing(float share) => share is >= 0 and <= 1 ? share
        : throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"labelSmoothing = {share}; take a share from 0 to 1, such as 0.1."));

    /// <summary>-y log p - (1 - y) log(1 - p), for labels of 0 and 1 and a sigmoid head; mean over a sample's outputs.</summary>
    /// <param name="fromLogits">True where the head has no activation.</param>
    /// <param name="labelSmoothing">s: labels become y (1 - s) + s / 2.</param>
    public static Loss BinaryCrossEntropy(bool fromLogits = false, float labelSmoothing = 0) => new("binary_crossentropy", LossKind.Binary, fromLogits,
        new PointwiseLossOp(fromLogits ? LossFormula.SigmoidCrossEntropy : LossFormula.BinaryCrossEntropy, labelSmoothing: Smoothing(labelSmoothing))) { LabelSmoothing = labelSmoothing };

    /// <summary>-sum y log p, for one-hot labels and a softmax head.</summary>
    /// <param name="fromLogits">True where the head has no activation.</param>
    /// <param name="labelSmoothing">s: labels become y (1 - s) + s / K.</param>
    public static Loss CategoricalCrossEntropy(bool fromLogits = false, float labelSmoothing = 0) => new("categorical_crossentropy", LossKind.Categorical, fromLogits,
        fromLogits ? new SoftmaxCrossEntropyOp(false, Smoothing(labelSmoothing)) : new CategoricalCrossEntropyOp(false, Smoothing(labelSmoothing))) { LabelSmoothing = labelSmoothing };

    /// <summary>-log p[label], for class indices and a softmax head.</summary>
    /// <param name="fromLogits">True where the head has no activation.</param>
    /// <param name="labelSmoothing">s: the right class has 1 - s + s / K, the others s / K.</param>
    /// <param name="ignoreClass">
    /// A label that counts for nothing: the loss is the sum over all other labels of the batch by their number (torch's ignore_index, -100
    /// there by default; Keras's ignore_class). Null averages over everything.
    /// </param>
    public static Loss SparseCategoricalCrossEntropy(bool fromLogits = false, float labelSmoothing = 0, int? ignoreClass = null) => new(
        "sparse_categorical_crossentropy", LossKind.Sparse, fromLogits,
        fromLogits ? new SoftmaxCrossEntropyOp(true, Smoothing(labelSmoothing)) : new CategoricalCrossEntropyOp(true, Smoothing(labelSmoothing)), ignoreClass) { LabelSmoothing = labelSmoothing };

    /// <summary>(p - y)^2, mean over a sample's outputs.</summary>
    public static Loss MeanSquaredError() => new("mean_squared_error", LossKind.Values, false, new PointwiseLossOp(LossFormula.SquaredError));

    /// <summary>|p - y|, mean over a sample's outputs.</summary>
    public static Loss MeanAbsoluteError() => new("mean_absolute_error", LossKind.Values, false, new PointwiseLossOp(LossFormula.AbsoluteError));

    /// <summary>Half the square up to a distance of delta, then a line: Huber 1964. Mean over a sample's outputs.</summary>
    public static Loss Huber(float delta = 1) => new("huber", LossKind.Values, false, new PointwiseLossOp(LossFormula.Huber, delta)) { Delta = delta };

    /// <summary>A loss of your own.</summary>
    /// <param name="name">For messages.</param>
    /// <param name="compute">
    /// What each sample costs, by ops of the tape: from the outputs [N,..] and the labels, in the shape that the data source gives them, to [N] or [N,..], of which a sample's mean
    /// is taken.
    /// </param>
    /// <param name="labels">The labels that it takes; Values takes any.</param>
    /// <param name="fromLogits">True where labels are binary and outputs are logits, so that metrics see probabilities.</param>
    public static Loss Of(string name, Func<Tape, Tensor, Tensor, Tensor> compute, LabelKind labels = LabelKind.Values, bool fromLogits = false) => new(name, labels, fromLogits, compute);

    /// <summary>A loss by Keras's name.</summary>
    /// <exception cref="GraftException">There is no such loss; the message lists them.</exception>
    public static Loss Create(string name, bool fromLogits = false, float labelSmoothing = 0) => name switch
    {
        "binary_crossentropy" => BinaryCrossEntropy(fromLogits, labelSmoothing),
        "categorical_crossentropy" => CategoricalCrossEntropy(fromLogits, labelSmoothing),
        "sparse_categorical_crossentropy" => SparseCategoricalCrossEntropy(fromLogits, labelSmoothing),
        "mean_squared_error" or "mse" => MeanSquaredError(),
        "mean_absolute_error" or "mae" => MeanAbsoluteError(),
        "huber" => Huber(),
        _ => throw new GraftException($"Unknown loss '{name}'; there are binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy, mean_squared_error, mean_absolute_error and huber."),
    };

    /// <summary>The same with what single losses have beside: the delta of Huber, the class that sparse cross-entropy ignores.</summary>
    internal static Loss Create(string name, bool fromLogits, float labelSmoothing, float? delta, int? ignoreClass) => (name, delta, ignoreClass) switch
    {
        ("huber", float d, _) => Huber(d),
        ("sparse_categorical_crossentropy", _, int ignored) => SparseCategoricalCrossEntropy(fromLogits, labelSmoothing, ignored),
        _ => Create(name, fromLogits, labelSmoothing),
    };

    /// <summary>The loss of one batch as a single number on the tape.</summary>
    /// <param name="tape">Where the prediction was computed.</param>
    /// <param name="prediction">[N,..].</param>
    /// <param name="labels">The labels, in the shape that the data source gives them.</param>
    /// <param name="weights">[N], or null for 1.</param>
    /// <exception cref="ShapeException">The labels do not fit the prediction, or a loss of one's own does not give each sample its cost.</exception>
    public Tensor Mean(Tape tape, Tensor prediction, Tensor labels, Tensor? weights = null)
    {
        tape.Layer = "loss";
        if (_ignoredClass is int ignored)
            return MeanOfOthers(tape, prediction, labels, weights, ignored);
        int samples = prediction.Shape[0];
        if (Kind == LossKind.Sparse)
            labels = tape.Run(new ReshapeOp([.. prediction.Shape.Dims[..^1]]), labels); // [N,1] -> [N]
        else if (Kind != LossKind.Custom && !labels.Shape.Equals(prediction.Shape))
            labels = tape.Run(new ReshapeOp([.. prediction.Shape.Dims]), labels);
        Tensor loss = _compute is null ? tape.Run(_op!, prediction, labels) : _compute(tape, prediction, labels);
        if (loss.Shape.Rank == 0 || loss.Shape[0] != samples)
            throw new ShapeException($"Loss {Name} gave {loss.Shape} for outputs {prediction.Shape}; it gives each of the {samples} samples its cost, [{samples}] or [{samples},..]: the mean over them is taken here.");
        if (Kind == LossKind.Custom && loss.Count > Math.Max(prediction.Count, labels.Count))
            throw new ShapeException($"Loss {Name} gave {loss.Shape} for outputs {prediction.Shape} and labels {labels.Shape}: more numbers than either has. Their shapes were spread over each other, so that each sample met the labels of others; reshape one of them.");
        if (loss.Count != samples)
            loss = tape.Run(new ReduceOp(ReduceFormula.Mean, [1]), tape.Run(new ReshapeOp(samples, -1), loss)); // [N,..] -> [N]
        else if (loss.Shape.Rank != 1)
            loss = tape.Run(new ReshapeOp(samples), loss);
        if (weights is not null)
            loss = tape.Run(new BinaryOp(BinaryFormula.Multiply), loss, weights);
        return tape.Run(new ReduceOp(ReduceFormula.Mean, [0]), loss);
    }

    /// <summary>The sum over all labels but the ignored ones, by their number.</summary>
    private Tensor MeanOfOthers(Tape tape, Tensor prediction, Tensor labels, Tensor? weights, int ignored)
    {
        const float NoClass = -1; // costs nothing
        float[] classes = Array.ConvertAll(labels.ToArray(), l => l == ignored ? NoClass : l);
        Tensor loss = tape.Run(_op!, prediction, tape.Constant(new Shape(prediction.Shape.Dims[..^1]), classes));
        if (weights is not null)
        {
            Tensor rows = tape.Run(new ReshapeOp(prediction.Shape[0], -1), loss);
            loss = tape.Run(new BinaryOp(BinaryFormula.Multiply), rows, tape.Run(new ReshapeOp(-1, 1), weights));
        }
        int counted = Math.Max(1, classes.Count(c => c != NoClass));
        return tape.Run(new UnaryOp(UnaryFormula.Scale, 1f / counted), tape.Run(new ReduceOp(ReduceFormula.Sum, []), loss));
    }

    /// <summary>What a batch's mean counts for among those of other batches: its samples, or its labels where some are ignored.</summary>
    internal double WeightOf(float[] labels, int samples) => _ignoredClass is int ignored ? labels.Count(l => l != ignored && l >= 0) : samples;

    /// <summary>Outputs as metrics take them: logits become probabilities where a metric asks for those, all else stays.</summary>
    /// <param name="outputs">Row-major outputs of a batch.</param>
    /// <param name="classes">Length of a row of logits: the last axis of the output.</param>
    /// <param name="asProbabilities">False where which output is the largest is all that is asked.</param>
    internal float[] ForMetrics(float[] outputs, int classes, bool asProbabilities)
    {
        if (!FromLogits)
            return outputs;
        if (LabelKind == LabelKind.Binary)
            return Array.ConvertAll(outputs, x => 1 / (1 + MathF.Exp(-x)));
        if (!asProbabilities || Kind == LossKind.Custom)
            return outputs;
        var probabilities = new float[outputs.Length];
        for (int from = 0; from < outputs.Length; from += classes)
            Softmax(outputs.AsSpan(from, classes), probabilities.AsSpan(from, classes));
        return probabilities;
    }

    private static void Softmax(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        float largest = logits[MetricBatch.ArgMax(logits)]; // exp stays finite, the result is the same
        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
            sum += probabilities[i] = MathF.Exp(logits[i] - largest);
        for (int i = 0; i < logits.Length; i++)
            probabilities[i] = (float)(probabilities[i] / sum);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
