namespace Graft.Kernels;

/// <summary>A number on its way from the device to the host: work that is handed in behind it need not be done before it is there.</summary>
public abstract class PendingNumber : IDisposable
{
    /// <summary>Waits until it is there.</summary>
    /// <exception cref="GraftException">Work before it found a fault that is told when numbers are read back, such as a token that is not in the vocabulary.</exception>
    public abstract float Wait();

    /// <summary>Gives its place back.</summary>
    public abstract void Dispose();
}

/// <summary>A number that is there.</summary>
internal sealed class NumberAtHand(float value) : PendingNumber
{
    public override float Wait() => value;

    public override void Dispose()
    {
    }
}
