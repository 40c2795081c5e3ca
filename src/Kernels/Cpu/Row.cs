using System.Numerics;

namespace Graft.Kernels.Cpu;

/// <summary>Short loops over one row: lanes hold neighbouring elements, the tail is done one by one by the same formula.</summary>
internal static unsafe class Row
{
    /// <summary>to = from (beta 0) or beta to + from.</summary>
    public static void Store(float* from, float* to, int count, float beta)
    {
        if (beta == 0)
        {
            new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(to, count));
            return;
        }
        int i = 0;
        for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
            (beta * Vector.Load(to + i) + Vector.Load(from + i)).Store(to + i);
        for (; i < count; i++)
            to[i] = beta * to[i] + from[i];
    }

    /// <summary>to = beta to, or zeros for beta 0: what is added to comes next.</summary>
    public static void Begin(float* to, int count, float beta)
    {
        if (beta == 0)
            new Span<float>(to, count).Clear();
        for (int i = 0; beta is not (0 or 1) && i < count; i++)
            to[i] *= beta;
    }

    /// <summary>to += from * factor.</summary>
    public static void AddScaled(float* from, float factor, float* to, int count)
    {
        int i = 0;
        for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
            (Vector.Load(to + i) + factor * Vector.Load(from + i)).Store(to + i);
        for (; i < count; i++)
            to[i] += factor * from[i];
    }

    /// <summary>to += a * b, element by element.</summary>
    public static void AddProduct(float* a, float* b, float* to, int count)
    {
        int i = 0;
        for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
            (Vector.Load(to + i) + Vector.Load(a + i) * Vector.Load(b + i)).Store(to + i);
        for (; i < count; i++)
            to[i] += a[i] * b[i];
    }
}
