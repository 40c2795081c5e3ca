using Graft;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;

namespace Outside;

/// <summary>A layer of one op, without weights or a config.</summary>
public sealed class Cube : Layer
{
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new CubeOp(), inputs[0]);
}

/// <summary>Passes its input on, and says so.</summary>
public sealed class Same : Layer
{
    protected override bool PassesMask => true;

    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => inputs[0];
}

/// <summary>Says another shape than it computes, and leaves the layer inside unbuilt, where asked to.</summary>
public sealed class Wrong(bool shape, bool inside, bool names) : Layer
{
    private readonly Layer[] _inner = inside ? [new Dense(2)] : [];

    protected override IReadOnlyList<Layer> Inner => _inner;

    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => shape ? new Shape(7) : inputs[0];

    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        AddParameter("w", new Shape(1), Initializers.Zeros);
        if (names)
            AddParameter("w", new Shape(1), Initializers.Zeros);
    }

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]);
}

/// <summary>Reads numbers in Forward: scales by the batch's largest magnitude, which no plan can know beforehand.</summary>
public sealed class ByLargest(bool saysSo) : Layer
{
    protected override bool IsDynamic => saysSo;

    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) =>
        tape.Run(new UnaryOp(UnaryFormula.Scale, 1 / inputs[0].ToArray().Max(Math.Abs)), inputs[0]);
}

/// <summary>Adds noise in training, of the step's seed, and costs its activations' squares.</summary>
public sealed class Noise(float deviation, float cost) : Layer
{
    private float _deviation = deviation;

    /// <summary>Standard deviation of the noise.</summary>
    public float Deviation
    {
        get => _deviation;
        set
        {
            _deviation = value;
            Changed();
        }
    }

    /// <summary>True adds it in inference too.</summary>
    public bool Always { get; init; }

    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        if (!Always && !(tape.Training && Trainable))
            return inputs[0];
        Tensor squares = tape.Run(new UnaryOp(UnaryFormula.Square), inputs[0]);
        tape.AddPenalty(tape.Run(new UnaryOp(UnaryFormula.Scale, cost), tape.Run(new ReduceOp(ReduceFormula.Sum, []), squares)));
        Tensor noise = tape.Run(RandomOp.Normal(0, Deviation, NextSeed(tape)), inputs[0]);
        return tape.Run(new BinaryOp(BinaryFormula.Add), inputs[0], noise);
    }
}
