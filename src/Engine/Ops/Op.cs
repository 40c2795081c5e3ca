using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// One operation: its shape rule, what it keeps for backward, and the kernels that it calls forward and backward. An op
/// holds attributes only (stride, axis, ...), never tensors, and serves every device.
/// </summary>
/// <remarks>
/// An op of your own is a formula with its gradient, PyTorch's autograd.Function. On the host it reads and writes plain numbers, on every device: a GPU's are copied there and back,
/// which is slow. On the device itself it calls <see cref="OpCall.Kernels"/> with addresses. <see cref="Autograd.GradientCheck"/> holds backward against forward.
/// <code>
/// public sealed class CubeOp : Op                                               // y = x³
/// {
///     public override string Name => "Cube";
///
///     public override Shape InferShape(ReadOnlySpan&lt;Shape&gt; inputs) => inputs[0];
///
///     public override void Forward(OpCall call)
///     {
///         float[] y = call.HostIn(0).ToArray();
///         for (int i = 0; i &lt; y.Length; i++)
///             y[i] = y[i] * y[i] * y[i];
///         call.Output.Set(y);
///     }
///
///     public override void Backward(OpCall call)                                    // dx = dy 3x²
///     {
///         ReadOnlySpan&lt;float&gt; x = call.HostIn(0);
///         float[] dx = call.HostGradOut().ToArray();
///         for (int i = 0; i &lt; dx.Length; i++)
///             dx[i] *= 3 * x[i] * x[i];
///         call.AddGradIn(0, dx);
///     }
/// }
///
/// Tensor y = tape.Run(new CubeOp(), x);
/// </code>
/// Where it does not hold, override <see cref="IsPure"/> (a random op says false, and takes its seed as an attribute), <see cref="KeepsSamplesApart"/> and
/// <see cref="KeepsOutput"/> (backward reads the output).
/// </remarks>
public abstract class Op
{
    /// <summary>Name in messages and traces: "Conv2D".</summary>
    public abstract string Name { get; }

    /// <summary>Shape of the output.</summary>
    /// <exception cref="ShapeException">The inputs do not fit together; the message names both shapes and the rule.</exception>
    public abstract Shape InferShape(ReadOnlySpan<Shape> inputs);

    /// <summary>True where backward reads input <paramref name="index"/>; its memory is kept until then.</summary>
    public virtual bool KeepsInput(int index) => true;

    /// <summary>
    /// The same where it is known which gradients are wanted: what serves the gradient of a frozen weight alone is not kept.
    /// </summary>
    public virtual bool KeepsInput(int index, OpCall call) => KeepsInput(index);

    /// <summary>True where backward reads the output.</summary>
    public virtual bool KeepsOutput => false;

    /// <summary>The same where it is known which gradients are wanted, and how many inputs there are.</summary>
    public virtual bool KeepsOutputOf(OpCall call) => KeepsOutput;

    /// <summary>True where input <paramref name="index"/> can have a gradient; false for labels and indices.</summary>
    public virtual bool IsDifferentiable(int index) => true;

    /// <summary>Shapes of float buffers that forward fills for backward: statistics, masks, winners.</summary>
    public virtual Shape[] SavedShapes(ReadOnlySpan<Shape> inputs) => [];

    /// <summary>True where forward fills <see cref="SavedShapes"/> for backward alone and leaves them out when no backward comes.</summary>
    public virtual bool SavesForBackwardOnly => false;

    /// <summary>
    /// True where the output depends on the inputs alone and forward changes nothing else, so that a plan may compute it once. False for random
    /// ops and those that move statistics.
    /// </summary>
    public virtual bool IsPure => true;

    /// <summary>
    /// True where row n of the output depends on row n of the inputs alone, for inputs whose first axis is the batch; false for ops that mix the
    /// samples of a batch.
    /// </summary>
    public virtual bool KeepsSamplesApart(ReadOnlySpan<Shape> inputs) => true;

    /// <summary>Multiplications and additions of one forward run; 0 where memory and not arithmetic is the limit.</summary>
    public virtual long Flops(ReadOnlySpan<Shape> inputs) => 0;

    /// <summary>True where the output is the first input's memory under another shape, and forward does nothing.</summary>
    public virtual bool IsView => false;

    /// <summary>Computes the output.</summary>
    public abstract void Forward(OpCall call);

    /// <summary>True where <see cref="ForwardNarrow"/> takes inputs of these shapes.</summary>
    internal virtual bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => false;

    /// <summary>True where forward on 16 bits reads input <paramref name="index"/> in 16 bits; false for a scale, shift or weight, which stays float32.</summary>
    internal virtual bool ReadsNarrow(int index) => true;

    /// <summary>
    /// True where <see cref="Forward"/> and <see cref="Backward"/> take inputs of these shapes, and make results, of 16 bits too: a tape in mixed precision then runs it so where an input
    /// that it reads in 16 bits has 16.
    /// </summary>
    internal virtual bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => false;

    /// <summary>
    /// True where such a tape runs it on 16 bits whatever the types of its inputs are: what is float32 is rounded for it, as it would be anyway before it is multiplied, or read as it is
    /// (<see cref="ReadsFloat32"/>).
    /// </summary>
    internal virtual bool BeginsNarrow => false;

    /// <summary>True where it then takes input <paramref name="index"/> in either type, as it comes.</summary>
    internal virtual bool ReadsFloat32(int index) => false;

    /// <summary>False where it then makes float32: a loss.</summary>
    internal virtual bool MakesNarrow => true;

    /// <summary>
    /// True for a sum, which takes float32 beside 16 bits and gives float32: a residual path to which branches add keeps its digits. A summand that is rounded for another reader is read
    /// so, and the sum has 16 bits.
    /// </summary>
    internal virtual bool AddsTypes => false;

    /// <summary>Computes the output in 16 bits, from inputs in 16 bits.</summary>
    internal virtual void ForwardNarrow(NarrowCall call) => throw new NotSupportedException($"{Name} has no kernel on numbers of 16 bits.");

    /// <summary>
    /// Computes the output and what is saved once more, to the same bits, and changes nothing else: for gradient checkpointing. Forward, unless that
    /// does more than to fill its own results.
    /// </summary>
    public virtual void Recompute(OpCall call) => Forward(call);

    /// <summary>Computes the gradient of each input that needs one, from the gradient of the output.</summary>
    public abstract void Backward(OpCall call);
}
