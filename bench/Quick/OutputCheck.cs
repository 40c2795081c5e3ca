namespace Graft.Bench.Quick;

/// <summary>Whether two engines computed the same: without it a speed means nothing.</summary>
internal static class OutputCheck
{
    /// <summary>Largest |a - b| / (|b| + rms(b)) that passes.</summary>
    /// <remarks>
    /// Looser than 1e-5: both engines round in float32, in different orders, through up to 53 convolutions of up to 4608 products, and a
    /// Winograd convolution F(4x4) alone errs by 4e-6 of the output's rms; behind the 13 of VGG16 that is 1.4e-5, and the largest of
    /// 160 000 normal numbers is five times that. A wrong weight, border or order of axes gives 1e-2 and more.
    /// </remarks>
    public const double Tolerance = 2e-4;

    /// <summary>The same for the loss of a training step.</summary>
    /// <remarks>A mean over the batch of what stands behind the whole network: looser than one output, since batch statistics of 16 images amplify.</remarks>
    public const double LossTolerance = 1e-3;

    /// <summary>The largest deviation of <paramref name="ours"/> from <paramref name="theirs"/>, relative as <see cref="Tolerance"/> says.</summary>
    /// <returns>Infinity where a number is not finite, or all of theirs are zero and nothing is compared.</returns>
    public static double Deviation(ReadOnlySpan<float> ours, ReadOnlySpan<float> theirs)
    {
        double squares = 0, worst = 0;
        foreach (float b in theirs)
            squares += (double)b * b;
        double rms = Math.Sqrt(squares / theirs.Length);
        if (ours.Length != theirs.Length || !double.IsFinite(rms) || rms == 0)
            return double.PositiveInfinity;
        for (int i = 0; i < ours.Length; i++)
        {
            if (!float.IsFinite(ours[i]))
                return double.PositiveInfinity;
            worst = Math.Max(worst, Math.Abs((double)ours[i] - theirs[i]) / (Math.Abs(theirs[i]) + rms));
        }
        return worst;
    }
}
