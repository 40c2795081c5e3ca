using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the global pooling layers share: one number for each channel of a sequence, an image or a volume.</summary>
/// <remarks>x [N,..,C], y [N,C], or [N,1,..,C] with KeepDims.</remarks>
public abstract class GlobalPooling : Layer
{
    private readonly ReduceFormula _formula;
    private readonly int _places;

    private protected GlobalPooling(ReduceFormula formula, int places) => (_formula, _places) = (formula, places);

    /// <summary>True leaves axes of extent 1 in place of those that were pooled.</summary>
    public bool KeepDims { get; init; }

    private ReduceOp Op => new(_formula, [.. Enumerable.Range(1, _places)], KeepDims);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == _places + 1 ? Op.InferShape([inputs[0].Prepend(1)]).Tail()
        : throw new ShapeException($"takes {(_places == 1 ? "sequences [T,C]" : _places == 2 ? "images [H,W,C]" : "volumes [D,H,W,C]")}, not {inputs[0]}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(Op, inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["keepdims"] = KeepDims;
}

/// <summary>The mean of each channel over a sequence, or over those of its steps that its mask counts. Matches Keras's GlobalAveragePooling1D.</summary>
public sealed class GlobalAveragePooling1D() : GlobalPooling(ReduceFormula.Mean, 1)
{
    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        if (inputs[0].Mask is not { } mask)
            return base.Call(tape, inputs);
        Tensor column = tape.Run(new ReshapeOp(mask.Shape[0], mask.Shape[1], 1), mask);
        Tensor counted = tape.Run(new BinaryOp(BinaryFormula.Multiply), inputs[0].Value, column);
        Tensor sum = Then(tape, counted, new ReduceOp(ReduceFormula.Sum, [1], KeepDims));
        return [new MaskedTensor(Then(tape, sum, new BinaryOp(BinaryFormula.Divide), tape.Run(new ReduceOp(ReduceFormula.Sum, [1], KeepDims), column)))];
    }
}

/// <summary>The largest number of each channel of a sequence. Matches Keras's GlobalMaxPooling1D.</summary>
public sealed class GlobalMaxPooling1D() : GlobalPooling(ReduceFormula.Max, 1);

/// <summary>The mean of each channel over all pixels. Matches Keras's GlobalAveragePooling2D.</summary>
public sealed class GlobalAveragePooling2D() : GlobalPooling(ReduceFormula.Mean, 2);

/// <summary>The largest number of each channel. Matches Keras's GlobalMaxPooling2D.</summary>
public sealed class GlobalMaxPooling2D() : GlobalPooling(ReduceFormula.Max, 2);

/// <summary>The mean of each channel over a volume. Matches Keras's GlobalAveragePooling3D.</summary>
public sealed class GlobalAveragePooling3D() : GlobalPooling(ReduceFormula.Mean, 3);

/// <summary>The largest number of each channel of a volume. Matches Keras's GlobalMaxPooling3D.</summary>
public sealed class GlobalMaxPooling3D() : GlobalPooling(ReduceFormula.Max, 3);
