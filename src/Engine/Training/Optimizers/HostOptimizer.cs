using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>An optimizer of your own, whose rule is written on plain numbers of the host. On a GPU weights, gradients and slots are copied there and back, which is slow.</summary>
/// <remarks>
/// Clipping, accumulation, schedules, checkpoints and resumed trainings are those of every optimizer; slots are kept with the model under their names.
/// <code>
/// public sealed class SignSgd(LearningRateSchedule rate) : HostOptimizer(rate, "momentum")
/// {
///     public override string Name => "sign_sgd";
///
///     protected override void Move(HostStep step)
///     {
///         Span&lt;float&gt; momentum = step.Slot(0);
///         for (int i = 0; i &lt; step.Weights.Length; i++)
///         {
///             momentum[i] = 0.9f * momentum[i] + step.Gradient[i];
///             step.Weights[i] -= step.LearningRate * MathF.Sign(momentum[i]);
///         }
///     }
/// }
/// </code>
/// </remarks>
public abstract class HostOptimizer : Optimizer
{
    private const int MostSlots = 3; // that StepTensor has room for

    /// <summary>Makes an optimizer.</summary>
    /// <param name="learningRate">A number or a schedule.</param>
    /// <param name="slotNames">What is remembered of each weight, three things at most, zeros at first.</param>
    /// <exception cref="GraftException">There are more than three, or one has a slash, which parts paths.</exception>
    protected HostOptimizer(LearningRateSchedule learningRate, params string[] slotNames)
        : base(learningRate)
    {
        if (slotNames.Length > MostSlots || Array.Exists(slotNames, n => n.Length == 0 || n.Contains('/', StringComparison.Ordinal)) || slotNames.Distinct().Count() < slotNames.Length)
            throw new GraftException($"{GetType().Name}: its slots are '{string.Join("', '", slotNames)}'; it takes up to {MostSlots} different names, none of them empty or with a slash.");
        SlotNames = [.. slotNames];
    }

    private protected sealed override string[] SlotNames { get; }

    internal sealed override bool TakesProducts => false;

    /// <summary>Moves one parameter. It must not throw: parameters before it have moved already.</summary>
    protected abstract void Move(HostStep step);

    private protected sealed override void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, float rate)
    {
        foreach (StepTensor tensor in tensors)
        {
            int count = checked((int)tensor.Count);
            float[] gradient = new float[count];
            kernels.Memory.Download(tensor.G, gradient);
            for (int i = 0; i < count; i++)
                gradient[i] = Math.Clamp(gradient[i] * tensor.Factor, -tensor.Limit, tensor.Limit);
            var step = new HostStep
            {
                Weights = Host(kernels, tensor.W, count), Gradient = gradient, LearningRate = rate, Iterations = Iterations,
                A = Host(kernels, tensor.A, count), B = Host(kernels, tensor.B, count), C = Host(kernels, tensor.C, count),
            };
            Move(step);
            PutBack(kernels, step.Weights, tensor.W);
            PutBack(kernels, step.A, tensor.A);
            PutBack(kernels, step.B, tensor.B);
            PutBack(kernels, step.C, tensor.C);
        }
    }

    internal sealed override void WriteConfig(JsonObject config) => throw new GraftException($"the optimizer is of the class {GetType().Name}, which Keras has not");

    private static Span<float> Host(KernelSet kernels, DevicePtr<float> data, int count)
    {
        if (data.IsNull)
            return [];
        Span<float> own = kernels.Memory.HostSpan(data, count);
        if (own.Length == count)
            return own;
        var copy = new float[count];
        kernels.Memory.Download(data, copy);
        return copy;
    }

    private static void PutBack(KernelSet kernels, Span<float> values, DevicePtr<float> data)
    {
        if (!data.IsNull && kernels.Memory.HostSpan(data, values.Length).Length != values.Length)
            kernels.Memory.Upload<float>(values, data);
    }
}

/// <summary>One parameter in one step of a <see cref="HostOptimizer"/>.</summary>
public readonly ref struct HostStep
{
    /// <summary>The weights, row-major, to be changed.</summary>
    public Span<float> Weights { get; internal init; }

    /// <summary>Their gradient, clipped where the optimizer clips.</summary>
    public ReadOnlySpan<float> Gradient { get; internal init; }

    /// <summary>The rate of this step.</summary>
    public float LearningRate { get; internal init; }

    /// <summary>Steps done before this one.</summary>
    public long Iterations { get; internal init; }

    internal Span<float> A { get; init; }

    internal Span<float> B { get; init; }

    internal Span<float> C { get; init; }

    /// <summary>What is remembered of each weight under slot name <paramref name="index"/>, to be changed.</summary>
    public Span<float> Slot(int index) => index switch
    {
        0 => A,
        1 => B,
        2 => C,
        _ => throw new ArgumentOutOfRangeException(nameof(index), index, "An optimizer has three slots at most."),
    };
}
