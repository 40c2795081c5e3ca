namespace Graft.Kernels;

/// <summary>Sizes of windows along one axis that become channels: x [N,T,M,C], y [N,P,M,S,C].</summary>
/// <param name="N">Samples, and all axes before the one that is unfolded.</param>
/// <param name="T">Positions along that axis.</param>
/// <param name="M">The axes between it and the channels.</param>
/// <param name="C">Channels that stay neighbours.</param>
/// <param name="P">Windows.</param>
/// <param name="S">Positions in a window.</param>
/// <param name="Stride">Positions from one window to the next.</param>
/// <param name="Dilation">Positions from one number of a window to the next.</param>
/// <param name="Front">Zeros before the first position; behind the last there are as many as the windows need.</param>
public readonly record struct UnfoldGeometry(int N, int T, int M, int C, int P, int S, int Stride, int Dilation, int Front)
{
    /// <summary>Elements of the narrow side.</summary>
    public long Count => (long)N * T * M * C;

    /// <summary>Elements of the wide side.</summary>
    public long WindowCount => (long)N * P * M * S * C;

    /// <summary>The position that number <paramref name="s"/> of window <paramref name="p"/> shows; outside 0 to T - 1 it is a zero.</summary>
    public int Position(int p, int s) => p * Stride + s * Dilation - Front;

    /// <summary>The window whose number <paramref name="s"/> shows position <paramref name="t"/>; -1 where there is none.</summary>
    public int Window(int t, int s)
    {
        int at = t + Front - s * Dilation;
        return at >= 0 && at % Stride == 0 && at / Stride < P ? at / Stride : -1;
    }
}
