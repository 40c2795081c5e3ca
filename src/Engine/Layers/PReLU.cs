using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>x above 0, alpha · x below, with alpha learned.</summary>
/// <remarks>
/// x, y [N,..]; alpha has the sample's shape with extent 1 on the shared axes, zeros at first. He et al. 2015, arXiv:1502.01852.
/// Matches Keras's PReLU but at 0 itself, where the slope is alpha instead of 0.
/// </remarks>
/// <param name="sharedAxes">Axes along which all elements have one alpha, counted with the batch axis as 0: (1, 2) is one alpha a channel.</param>
public sealed class PReLU(params int[] sharedAxes) : Layer
{
    private Parameter? _alpha;

    /// <summary>What large slopes cost; null for nothing.</summary>
    public Regularizer? AlphaRegularizer { get; init; }

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        int rank = inputs[0].Rank;
        return Array.TrueForAll(sharedAxes, a => a >= 1 && a <= rank) ? inputs[0]
            : throw new ShapeException($"the shared axes ({string.Join(',', sharedAxes)}) are not all among 1 to {rank}, the axes of {inputs[0]} behind the batch axis.");
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs) => _alpha = AddParameter("alpha", AlphaShape(inputs[0]), Initializers.Zeros, regularizer: AlphaRegularizer);

    /// <inheritdoc/>
    protected override bool AcceptsOtherInput(Shape[] built, Shape[] inputs) => AlphaShape(built[0]).Equals(AlphaShape(inputs[0]));

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new BinaryOp(BinaryFormula.PReLU), inputs[0], Use(tape, _alpha!));

    private Shape AlphaShape(Shape sample)
    {
        int[] dims = sample.Dims.ToArray();
        foreach (int axis in sharedAxes)
            dims[axis - 1] = 1;
        return new Shape(dims);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["shared_axes"] = new JsonArray([.. sharedAxes.Select(a => (JsonNode)a)]);
        config["alpha_regularizer"] = Regularizer.Write(AlphaRegularizer);
    }

    internal static Layer Read(JsonNode config) => new PReLU([.. config["shared_axes"]!.AsArray().Select(a => (int)a!)]) { AlphaRegularizer = Regularizer.Read(config["alpha_regularizer"]) };
}
