namespace Graft.Kernels.Cpu;

/// <summary>
/// What the gradient of a Winograd convolution's weights takes beside its input transform. From Y = A' [(G g G') . (B' d B)] A follows
/// dg = G' [(A dY A') . (B' d B)] G, summed over all tiles. Channels come in multiples of 16.
/// </summary>
internal static unsafe class WinogradGradients
{
    private static readonly delegate*<float**, int, float*, nint, float*, void>[][] Transforms =
    [
        [&WinogradGradients512.Upstream2, &WinogradGradients512.Upstream3, &WinogradGradients512.Upstream4],
        [&WinogradGradients256.Upstream2, &WinogradGradients256.Upstream3, &WinogradGradients256.Upstream4],
        [&WinogradGradients128.Upstream2, &WinogradGradients128.Upstream3, &WinogradGradients128.Upstream4],
    ];

    /// <summary>
    /// p[i,j] = sum over k,l of A'[k,i] dy[k,l] A'[l,j] for every channel: dy[k,l] begins at pixels[k m + l], p[i,j] at p + (i n + j) position.
    /// Vectors are those of a <see cref="GemmTile"/>.
    /// </summary>
    public static void Upstream(int tileId, int m, float** pixels, int channels, float* p, nint position, float* buffer) =>
        Transforms[tileId][m - 2](pixels, channels, p, position, buffer);

    /// <summary>
    /// dg[k,l] = beta dg[k,l] + sum over i,j of G[i,k] u[i,j] G[j,l] for neighbouring channels in lanes: u[i,j] begins at u + (i n + j) position, dg[k,l] at
    /// dg + (3 k + l) tap. <paramref name="matrix"/> is G [n,3].
    /// </summary>
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveOptimization | System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    public static void Filter<V>(int m, float* matrix, float* u, nint position, float* dg, nint tap, float beta)
        where V : unmanaged, ILanes<V>
    {
        int n = m + 2;
        V s00 = V.Zero, s01 = V.Zero, s02 = V.Zero, s10 = V.Zero, s11 = V.Zero, s12 = V.Zero, s20 = V.Zero, s21 = V.Zero, s22 = V.Zero;
        for (int i = 0; i < n; i++)
        {
            V r0 = V.Zero, r1 = V.Zero, r2 = V.Zero; // row i of u G
            for (int j = 0; j < n; j++, u += position)
            {
                V v = V.Load(u);
                r0 = V.MultiplyAdd(V.Create(matrix[3 * j]), v, r0);
                r1 = V.MultiplyAdd(V.Create(matrix[3 * j + 1]), v, r1);
                r2 = V.MultiplyAdd(V.Create(matrix[3 * j + 2]), v, r2);
            }
            V g0 = V.Create(matrix[3 * i]), g1 = V.Create(matrix[3 * i + 1]), g2 = V.Create(matrix[3 * i + 2]);
            (s00, s01, s02) = (V.MultiplyAdd(g0, r0, s00), V.MultiplyAdd(g0, r1, s01), V.MultiplyAdd(g0, r2, s02));
            (s10, s11, s12) = (V.MultiplyAdd(g1, r0, s10), V.MultiplyAdd(g1, r1, s11), V.MultiplyAdd(g1, r2, s12));
            (s20, s21, s22) = (V.MultiplyAdd(g2, r0, s20), V.MultiplyAdd(g2, r1, s21), V.MultiplyAdd(g2, r2, s22));
        }
        Store(s00, dg, beta);
        Store(s01, dg + tap, beta);
        Store(s02, dg + 2 * tap, beta);
        Store(s10, dg + 3 * tap, beta);
        Store(s11, dg + 4 * tap, beta);
        Store(s12, dg + 5 * tap, beta);
        Store(s20, dg + 6 * tap, beta);
        Store(s21, dg + 7 * tap, beta);
        Store(s22, dg + 8 * tap, beta);
    }

    private static void Store<V>(V sum, float* to, float beta)
        where V : unmanaged, ILanes<V> =>
        (beta == 0 ? sum : V.MultiplyAdd(V.Create(beta), V.Load(to), sum)).Store(to);
}
