using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What the dropout layers share: in training they set a random share of the numbers to 0, else they do nothing.</summary>
/// <remarks>The mask depends on the tape's seed, which Fit makes of its own seed, the epoch and the step, on the layer's path, on how many ops ran before, and on the place in the batch: see <see cref="Layer.NextSeed"/>.</remarks>
public abstract class RandomDropout : Layer
{
    private protected RandomDropout(float rate) => Rate = rate is >= 0 and < 1 ? rate
        : throw new ArgumentOutOfRangeException(nameof(rate), rate, "Dropout rate is a share from 0 to below 1.");

    /// <summary>Share that is dropped.</summary>
    public float Rate { get; }

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Training && Rate > 0 ? Drop(tape, inputs[0])
        : tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]); // a view: each node owns its result

    private protected abstract Tensor Drop(Tape tape, Tensor x);

    /// <summary>Drops by a mask whose axes of extent 1 have one draw for all elements along them.</summary>
    private protected Tensor DropTogether(Tape tape, Tensor x, Shape mask)
    {
        Tensor draws = tape.Run(new DropoutOp(Rate, NextSeed(tape)), Filled(tape, mask, 1));
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Multiply), x, draws);
        tape.Release(draws);
        return y;
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["rate"] = Rate;
}

/// <summary>In training, sets a random share of the numbers to 0 and scales the rest by 1 / (1 - rate); else does nothing.</summary>
/// <remarks>Srivastava et al. 2014, in the inverted form of Keras. What the mask depends on: <see cref="RandomDropout"/>.</remarks>
/// <param name="rate">Share that is dropped, 0 to below 1.</param>
public sealed class Dropout(float rate) : RandomDropout(rate)
{
    /// <summary>Shape of the mask, batch axis included: 1 where all elements along an axis have one draw, else 0 for the input's extent. Null: all have their own.</summary>
    public IReadOnlyList<int>? NoiseShape { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        if (NoiseShape is not null)
            MaskOf(inputs[0].Prepend(1));
        return inputs[0];
    }

    private protected override Tensor Drop(Tape tape, Tensor x) =>
        NoiseShape is null ? tape.Run(new DropoutOp(Rate, NextSeed(tape)), x) : DropTogether(tape, x, MaskOf(x.Shape));

    private Shape MaskOf(Shape x)
    {
        bool fits = NoiseShape!.Count == x.Rank && NoiseShape.Skip(1).Select((extent, i) => extent is 0 or 1 || extent == x[i + 1]).All(ok => ok);
        return fits ? new Shape([.. NoiseShape.Select((extent, i) => extent == 1 ? 1 : x[i])])
            : throw new ShapeException($"the noise shape [{string.Join(',', NoiseShape)}] does not fit {x}: as many axes, each 1, 0 or the input's extent.");
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        base.WriteConfig(config);
        config["noise_shape"] = NoiseShape is null ? null : new JsonArray([.. NoiseShape.Select(d => (JsonNode)d)]);
    }

    internal static Layer Read(JsonNode config) => new Dropout((float)config["rate"]!)
    {
        NoiseShape = config["noise_shape"] is JsonArray shape ? [.. shape.Select(d => (int)d!)] : null,
    };
}

/// <summary>What the spatial dropout layers share: whole channels are dropped. Tompson et al. 2015, arXiv:1411.4280, section 3.2.</summary>
public abstract class SpatialDropout : RandomDropout
{
    private readonly int _places;

    private protected SpatialDropout(float rate, int places)
        : base(rate) => _places = places;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == _places + 1 ? inputs[0]
        : throw new ShapeException($"takes {_places + 1} axes behind the batch axis, channels last; {inputs[0]} has {inputs[0].Rank}.");

    private protected override Tensor Drop(Tape tape, Tensor x) => DropTogether(tape, x, new Shape([x.Shape[0], .. Enumerable.Repeat(1, _places), x.Shape[-1]]));
}

/// <summary>Drops whole channels of sequences [T,C] in training. Matches Keras's SpatialDropout1D.</summary>
/// <param name="rate">Share that is dropped, 0 to below 1.</param>
public sealed class SpatialDropout1D(float rate) : SpatialDropout(rate, 1);

/// <summary>Drops whole channels of images [H,W,C] in training. Matches Keras's SpatialDropout2D.</summary>
/// <param name="rate">Share that is dropped, 0 to below 1.</param>
public sealed class SpatialDropout2D(float rate) : SpatialDropout(rate, 2);

/// <summary>Drops whole channels of volumes [D,H,W,C] in training. Matches Keras's SpatialDropout3D.</summary>
/// <param name="rate">Share that is dropped, 0 to below 1.</param>
public sealed class SpatialDropout3D(float rate) : SpatialDropout(rate, 3);

/// <summary>
/// In training, sets a random share of the numbers to the value that SELU has at minus infinity, and scales and shifts all so that mean 0 and variance 1
/// stay; else does nothing. Klambauer et al. 2017, arXiv:1706.02515. Matches Keras's AlphaDropout.
/// </summary>
/// <param name="rate">Share that is dropped, 0 to below 1.</param>
public sealed class AlphaDropout(float rate) : RandomDropout(rate)
{
    private const double Low = -1.7580993408473766; // -alpha scale of SELU

    // a (x where it is kept, else low) + b = a ((x - low) kept + low) + b
    private protected override Tensor Drop(Tape tape, Tensor x)
    {
        double a = 1 / Math.Sqrt((1 - Rate) * (1 + Rate * Low * Low)), b = -a * Low * Rate;
        Tensor t = tape.Run(new UnaryOp(UnaryFormula.Scale, 1, (float)-Low), x);
        t = Then(tape, t, new DropoutOp(Rate, NextSeed(tape))); // what stays is divided by 1 - rate
        return Then(tape, t, new UnaryOp(UnaryFormula.Scale, (float)(a * (1 - Rate)), (float)(a * Low + b)));
    }

    internal static Layer Read(JsonNode config) => new AlphaDropout((float)config["rate"]!);
}

/// <summary>In training, multiplies by random numbers around 1 with the variance that dropout would give, rate / (1 - rate). Matches Keras's GaussianDropout.</summary>
/// <param name="rate">Share, 0 to below 1.</param>
public sealed class GaussianDropout(float rate) : RandomDropout(rate)
{
    private protected override Tensor Drop(Tape tape, Tensor x)
    {
        Tensor noise = tape.Run(RandomOp.Normal(1, MathF.Sqrt(Rate / (1 - Rate)), NextSeed(tape)), x);
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Multiply), x, noise);
        tape.Release(noise);
        return y;
    }

    internal static Layer Read(JsonNode config) => new GaussianDropout((float)config["rate"]!);
}
