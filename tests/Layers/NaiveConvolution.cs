namespace Graft.Tests.Layers;

/// <summary>
/// Convolution over one to three axes as its definition says it, to test layers against: x [N,D,H,W,C], w [O,T,R,S,C/groups]. Axes that a layer lacks
/// have extent 1.
/// </summary>
internal sealed record NaiveConvolution(int[] X, int[] W, int[] Strides, int[] Dilation, int[] Front, int[] Out, int Groups = 1)
{
    /// <summary>y [N,P,Q,R,O].</summary>
    public float[] Forward(float[] x, float[] w)
    {
        var y = new double[X[0] * Out[0] * Out[1] * Out[2] * W[0]];
        Each((at, from, weight) => y[at] += (double)x[from] * w[weight]);
        return Array.ConvertAll(y, v => (float)v);
    }

    /// <summary>The adjoint: what y gives back to x.</summary>
    public float[] Transposed(float[] y, float[] w)
    {
        var x = new double[X[0] * X[1] * X[2] * X[3] * X[4]];
        Each((at, from, weight) => x[from] += (double)y[at] * w[weight]);
        return Array.ConvertAll(x, v => (float)v);
    }

    private void Each(Action<int, int, int> product)
    {
        int perGroup = W[4], outputs = W[0] / Groups;
        for (int n = 0; n < X[0]; n++)
        {
            foreach (int[] p in Indices(Out))
            {
                foreach (int[] t in Indices(W[1..4]))
                {
                    int[] at = [.. Enumerable.Range(0, 3).Select(i => p[i] * Strides[i] + t[i] * Dilation[i] - Front[i])];
                    if (Enumerable.Range(0, 3).Any(i => at[i] < 0 || at[i] >= X[i + 1]))
                        continue;
                    for (int o = 0; o < W[0]; o++)
                    {
                        for (int c = 0; c < perGroup; c++)
                        {
                            int output = (((n * Out[0] + p[0]) * Out[1] + p[1]) * Out[2] + p[2]) * W[0] + o;
                            int input = (((n * X[1] + at[0]) * X[2] + at[1]) * X[3] + at[2]) * X[4] + o / outputs * perGroup + c;
                            product(output, input, (((o * W[1] + t[0]) * W[2] + t[1]) * W[3] + t[2]) * perGroup + c);
                        }
                    }
                }
            }
        }
    }

    private static IEnumerable<int[]> Indices(int[] extents)
    {
        for (int i = 0; i < extents[0] * extents[1] * extents[2]; i++)
            yield return [i / extents[2] / extents[1], i / extents[2] % extents[1], i % extents[2]];
    }
}
