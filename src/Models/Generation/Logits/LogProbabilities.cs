using System.Numerics;
using System.Runtime.InteropServices;

namespace Graft.Models;

/// <summary>Softmax and its logarithm over one row of logits; forbidden tokens are negative infinity and have probability 0.</summary>
internal static class LogProbabilities
{
    /// <summary>y = x - log(sum(exp(x))), in place.</summary>
    /// <exception cref="GraftException">No token is left, or a logit is not a number.</exception>
    public static void Normalize(Span<float> logits)
    {
        float shift = (float)LogSumExp(logits);
        Span<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        var shifts = new Vector<float>(shift);
        foreach (ref Vector<float> v in vectors)
            v -= shifts;
        foreach (ref float x in logits[(vectors.Length * Vector<float>.Count)..])
            x -= shift;
    }

    /// <summary>log(sum(exp(x))), the sum in double.</summary>
    /// <exception cref="GraftException">No token is left, or a logit is not a number.</exception>
    public static double LogSumExp(ReadOnlySpan<float> logits)
    {
        float max = Max(logits);
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        var shift = new Vector<float>(max); // exp stays finite, the result is the same
        Vector<double> low = Vector<double>.Zero, high = Vector<double>.Zero;
        foreach (Vector<float> v in vectors)
        {
            Vector.Widen(Vector.Exp(v - shift), out Vector<double> a, out Vector<double> b);
            low += a;
            high += b;
        }
        double sum = Vector.Sum(low + high);
        foreach (float x in logits[(vectors.Length * Vector<float>.Count)..])
            sum += MathF.Exp(x - max);
        return max + Math.Log(sum);
    }

    /// <summary>p = exp(x) / sum(exp(x)).</summary>
    /// <exception cref="GraftException">No token is left, or a logit is not a number.</exception>
    public static void Softmax(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        float scale = (float)(1 / Exponentials(logits, probabilities));
        Span<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(probabilities);
        var scales = new Vector<float>(scale);
        foreach (ref Vector<float> v in vectors)
            v *= scales;
        foreach (ref float p in probabilities[(vectors.Length * Vector<float>.Count)..])
            p *= scale;
    }

    /// <summary>y = exp(x - max(x)): probabilities but for a factor.</summary>
    /// <returns>Their sum, in double.</returns>
    /// <exception cref="GraftException">No token is left, or a logit is not a number.</exception>
    public static double Exponentials(ReadOnlySpan<float> logits, Span<float> y)
    {
        float max = Max(logits);
        ReadOnlySpan<Vector<float>> from = MemoryMarshal.Cast<float, Vector<float>>(logits);
        Span<Vector<float>> to = MemoryMarshal.Cast<float, Vector<float>>(y);
        var shift = new Vector<float>(max); // exp stays finite, the result is the same
        Vector<double> low = Vector<double>.Zero, high = Vector<double>.Zero;
        for (int i = 0; i < from.Length; i++)
        {
            to[i] = Vector.Exp(from[i] - shift);
            Vector.Widen(to[i], out Vector<double> a, out Vector<double> b);
            low += a;
            high += b;
        }
        double sum = Vector.Sum(low + high);
        for (int i = from.Length * Vector<float>.Count; i < logits.Length; i++)
            sum += y[i] = MathF.Exp(logits[i] - max);
        return sum;
    }

    /// <summary>-sum(p * log(p)).</summary>
    public static double Entropy(ReadOnlySpan<float> probabilities)
    {
        double sum = 0;
        foreach (float p in probabilities)
        {
            if (p > 0)
                sum -= p * Math.Log(p);
        }
        return sum;
    }

    /// <summary>The first token of the greatest logit.</summary>
    /// <exception cref="GraftException">No token is left, or a logit is not a number.</exception>
    public static int ArgMax(ReadOnlySpan<float> logits) => logits.IndexOf(Max(logits));

    private static float Max(ReadOnlySpan<float> logits)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        var best = new Vector<float>(float.NegativeInfinity);
        foreach (Vector<float> v in vectors)
            best = Vector.Max(best, v); // a lane that is not a number stays so
        float max = float.NegativeInfinity;
        for (int i = 0; i < Vector<float>.Count; i++)
            max = MathF.Max(max, best[i]);
        foreach (float x in logits[(vectors.Length * Vector<float>.Count)..])
            max = MathF.Max(max, x);
        return float.IsFinite(max) ? max : throw LogitsFault.Of(max);
    }
}
