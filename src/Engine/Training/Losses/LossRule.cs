using Graft.Layers;

namespace Graft.Training;

/// <summary>Which head and which labels a loss takes: a wrong pair is told before the first step, with the right one.</summary>
internal static class LossRule
{
    private const string BinaryPair = "Loss.BinaryCrossEntropy() with Dense(1, Activation.Sigmoid) and labels of 0 and 1";
    private const string CategoricalPair = "Loss.CategoricalCrossEntropy() with Dense(classes, Activation.Softmax) and one-hot labels";
    private const string SparsePair = "Loss.SparseCategoricalCrossEntropy() with Dense(classes, Activation.Softmax) and class indices";

    /// <exception cref="GraftException">The three do not fit together.</exception>
    public static void Check(Loss loss, ModelHead head, LabelKind labels, Shape labelShape, int classes)
    {
        switch (loss.Kind)
        {
            case LossKind.Binary:
                CheckBinary(loss, head, labels, labelShape);
                break;
            case LossKind.Categorical:
                CheckCategorical(loss, head, labels, labelShape);
                break;
            case LossKind.Sparse:
                CheckSparse(loss, head, labels, labelShape, classes);
                break;
            case LossKind.Custom:
                if (loss.LabelKind != LabelKind.Values && labels != loss.LabelKind)
                    throw Wrong(loss, head, $"the labels are {labels}", $"use a source with labels {loss.LabelKind}, or let Loss.Of take {labels}");
                break;
            default:
                if (labels == LabelKind.Sparse && head.Units > 1)
                    throw Wrong(loss, head, "the labels are class indices", $"use {SparsePair}");
                CheckShape(loss, head, labelShape);
                break;
        }
    }

    private static void CheckBinary(Loss loss, ModelHead head, LabelKind labels, Shape labelShape)
    {
        if (labels == LabelKind.Categorical)
            throw Wrong(loss, head, $"the labels are one-hot over {labelShape[-1]} classes", $"use {CategoricalPair}");
        if (labels == LabelKind.Sparse)
            throw Wrong(loss, head, "the labels are class indices", $"use {SparsePair}");
        if (head.Activation == Activation.Softmax)
            throw Wrong(loss, head, head.Units == 1 ? "a softmax over one unit is always 1" : "its outputs are one distribution over the classes",
                head.Units == 1 ? $"use {BinaryPair}" : $"use {CategoricalPair}");
        CheckScale(loss, head, Activation.Sigmoid);
        CheckShape(loss, head, labelShape);
    }

    private static void CheckCategorical(Loss loss, ModelHead head, LabelKind labels, Shape labelShape)
    {
        CheckManyUnits(loss, head);
        if (labels == LabelKind.Sparse)
            throw Wrong(loss, head, "the labels are class indices", $"use {SparsePair}, or a source with one-hot labels");
        if (labels == LabelKind.Binary)
            throw Wrong(loss, head, "the labels are single numbers, 0 or 1", $"use {BinaryPair}, or a source with one-hot labels");
        CheckScale(loss, head, Activation.Softmax);
        CheckShape(loss, head, labelShape);
    }

    private static void CheckSparse(Loss loss, ModelHead head, LabelKind labels, Shape labelShape, int classes)
    {
        CheckManyUnits(loss, head);
        if (labels == LabelKind.Categorical)
            throw Wrong(loss, head, "the labels are one-hot", $"use {CategoricalPair}, or a source with class indices");
        if (labels == LabelKind.Values)
            throw Wrong(loss, head, "the labels are plain numbers, not classes", "use Loss.MeanSquaredError() with Dense(1), or a source whose LabelKind is Sparse");
        if (classes > head.Units)
            throw Wrong(loss, head, $"the data has {classes} classes", $"give the last layer {classes} units");
        if (!AreAlike(labelShape, head.Shape.Dims[..^1]))
            throw Wrong(loss, head, $"a label has {labelShape.Count} class(es), shape {labelShape}, but the output {head.Shape} tells {head.Shape.Count / head.Units}", "give each of them a label, or bring the output to the shape of the labels");
        CheckScale(loss, head, Activation.Softmax);
    }

    private static void CheckManyUnits(Loss loss, ModelHead head)
    {
        if (head.Units < 2)
            throw Wrong(loss, head, "a choice between classes takes an output for each", $"use {BinaryPair}, or give the last layer a unit for each class");
    }

    // fromLogits says whether the loss applies the sigmoid or softmax itself.
    private static void CheckScale(Loss loss, ModelHead head, Activation fitting)
    {
        Activation other = fitting == Activation.Sigmoid ? Activation.Softmax : Activation.Sigmoid;
        if (head.Activation == other)
            throw Wrong(loss, head, $"the loss takes {fitting} outputs", $"use activation {fitting}, or {(fitting == Activation.Softmax ? BinaryPair : CategoricalPair)}");
        if (loss.FromLogits && head.Activation == fitting)
            throw Wrong(loss, head, $"fromLogits: true applies {fitting} a second time", "leave fromLogits out, or make the last activation Linear");
        if (!loss.FromLogits && head.Activation is { } a && a != fitting)
            throw Wrong(loss, head, $"its outputs are not probabilities and can lie outside 0 to 1", $"use activation {fitting}{(a == Activation.Linear ? ", or fromLogits: true" : "")}");
    }

    private static void CheckShape(Loss loss, ModelHead head, Shape labelShape)
    {
        if (!AreAlike(labelShape, head.Shape.Dims))
            throw Wrong(loss, head, $"a label has {labelShape.Count} number(s), shape {labelShape}, but the output has {head.Shape.Count} numbers, shape {head.Shape}",
                $"give the last layer {labelShape.Count} unit(s), or labels that fit");
    }

    /// <summary>Whether a label has these extents, but for those of 1: [H,W] fits [H,W,1], and [W,H] does not. Either may be flat.</summary>
    private static bool AreAlike(Shape label, ReadOnlySpan<int> extents)
    {
        int[] due = [.. extents.ToArray().Where(e => e != 1)], has = [.. label.Dims.ToArray().Where(e => e != 1)];
        return due.SequenceEqual(has) || ((due.Length < 2 || has.Length < 2) && due.Aggregate(1L, (n, e) => n * e) == label.Count);
    }

    private static GraftException Wrong(Loss loss, ModelHead head, string found, string mend) =>
        new($"Loss {loss.Name} does not fit: the model ends in {head.Description}, and {found}. To mend it, {mend}.");
}
