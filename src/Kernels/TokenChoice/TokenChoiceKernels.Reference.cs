namespace Graft.Kernels;

internal unsafe class ReferenceTokenChoiceKernels : TokenChoiceKernels
{
    public override void Forward(in TokenChoiceGeometry g, DevicePtr<float> logits, DevicePtr<int> counters, DevicePtr<int> tokens)
    {
        for (int row = 0; row < g.Rows; row++)
        {
            tokens.Pointer[row] = Choose(g, new ReadOnlySpan<float>(logits.Pointer + (long)row * g.V, g.V), row, counters.Pointer[g.Rows + row]);
            counters.Pointer[row]++;
            counters.Pointer[g.Rows + row]++;
        }
    }

    private static int Choose(in TokenChoiceGeometry g, ReadOnlySpan<float> logits, int row, int draw)
    {
        float most = float.NegativeInfinity;
        foreach (float logit in logits)
            most = MathF.Max(most, logit); // not a number if one is not
        if (float.IsNaN(most))
            return NotANumber;
        if (float.IsInfinity(most))
            return most > 0 ? Infinite : Forbidden;
        if (!g.Samples)
            return logits.IndexOf(most);
        var scaled = new float[g.V];
        for (int i = 0; i < g.V; i++)
            scaled[i] = logits[i] / g.Temperature;
        // From the least probable to the most; of equals the lower token is the less probable, as in a stable sort.
        int[] order = [.. Enumerable.Range(0, g.V).Where(i => scaled[i] > float.NegativeInfinity).OrderBy(i => scaled[i])];
        if (g.TopK > 0 && g.TopK < order.Length)
        {
            float last = scaled[order[^g.TopK]];
            order = [.. order.Where(i => scaled[i] >= last)];
        }
        return Draw(g, scaled, order, RandomSeed.Of(g.Seed, row, draw));
    }

    private static int Draw(in TokenChoiceGeometry g, float[] scaled, int[] order, ulong seed)
    {
        var weights = new double[g.V]; // but for a factor
        foreach (int i in order)
            weights[i] = Math.Exp((double)scaled[i] - scaled[order[^1]]);
        double left = (1 - (double)g.TopP) * weights.Sum();
        for (int i = 0; i < order.Length - 1 && g.TopP < 1 && weights[order[i]] <= left; i++)
        {
            left -= weights[order[i]];
            weights[order[i]] = 0;
        }
        (uint a, uint b, _, _) = Philox.Block(seed, 0);
        double target = ((ulong)a << 21 ^ b >> 11) * (1.0 / (1L << 53)) * weights.Sum();
        int last = 0;
        for (int i = 0; i < g.V; i++)
        {
            if (weights[i] <= 0)
                continue;
            last = i;
            target -= weights[i];
            if (target < 0)
                break;
        }
        return last; // where rounding leaves a rest, the last token that has a probability
    }
}
