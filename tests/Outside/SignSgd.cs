using Graft.Training;

namespace Outside;

/// <summary>The optimizer of docs/extending.md.</summary>
public sealed class SignSgd(LearningRateSchedule rate) : HostOptimizer(rate, "momentum")
{
    public override string Name => "sign_sgd";

    protected override void Move(HostStep step)
    {
        Span<float> momentum = step.Slot(0);                                  // remembered for each weight, and kept in checkpoints
        for (int i = 0; i < step.Weights.Length; i++)
        {
            momentum[i] = 0.9f * momentum[i] + step.Gradient[i];
            step.Weights[i] -= step.LearningRate * MathF.Sign(momentum[i]);
        }
    }
}

/// <summary>Plain descent, to be held against the engine's.</summary>
public sealed class HostSgd(LearningRateSchedule rate) : HostOptimizer(rate)
{
    public override string Name => "host_sgd";

    protected override void Move(HostStep step)
    {
        for (int i = 0; i < step.Weights.Length; i++)
            step.Weights[i] -= step.LearningRate * step.Gradient[i];
    }
}

/// <summary>The schedule of docs/extending.md: half the rate after so many steps.</summary>
public sealed class Halving(float first, int steps) : LearningRateSchedule
{
    public override float At(long step) => first * MathF.Pow(0.5f, step / steps);
}
