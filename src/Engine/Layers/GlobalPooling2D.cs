using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the global pooling layers share: one number for each channel of an image.</summary>
/// <remarks>x [N,H,W,C], y [N,C], or [N,1,1,C] with KeepDims.</remarks>
public abstract class GlobalPooling2D : Layer
{
    private readonly ReduceFormula _formula;

    private protected GlobalPooling2D(ReduceFormula formula) => _formula = formula;

    /// <summary>True leaves axes of extent 1 in place of height and width.</summary>
    public bool KeepDims { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 3 ? KeepDims ? new Shape(1, 1, inputs[0][2]) : new Shape(inputs[0][2])
        : throw new ShapeException($"takes images [H,W,C], not {inputs[0]}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new ReduceOp(_formula, [1, 2], KeepDims), inputs[0]);

    internal override void WriteConfig(JsonObject config) => config["keepdims"] = KeepDims;
}

/// <summary>The mean of each channel over all pixels. Matches Keras's GlobalAveragePooling2D.</summary>
public sealed class GlobalAveragePooling2D() : GlobalPooling2D(ReduceFormula.Mean);

/// <summary>The largest number of each channel. Matches Keras's GlobalMaxPooling2D.</summary>
public sealed class GlobalMaxPooling2D() : GlobalPooling2D(ReduceFormula.Max);
