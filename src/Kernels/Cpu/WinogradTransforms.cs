namespace Graft.Kernels.Cpu;

/// <summary>
/// The transforms of Winograd's F(m x m, 3 x 3) on one vector width. A tile has n = m + 2 rows and columns; lanes hold channels, of which
/// there must be a multiple of 16.
/// </summary>
internal sealed unsafe class WinogradTransforms
{
    /// <summary>Channels come in whole vectors of the widest kind, for every width alike.</summary>
    public const int ChannelMultiple = 16;

    /// <summary>Floats of the buffer that a transform takes: n x n vectors of F(4x4).</summary>
    public const int BufferSize = 36 * 16;

    private static readonly WinogradTransforms[][] All =
    [
        [
            new(2, &WinogradKernels512.Input2, &WinogradKernels512.Output2, &WinogradKernels512.OutputPooled2),
            new(3, &WinogradKernels512.Input3, &WinogradKernels512.Output3, null),
            new(4, &WinogradKernels512.Input4, &WinogradKernels512.Output4, &WinogradKernels512.OutputPooled4),
        ],
        [
            new(2, &WinogradKernels256.Input2, &WinogradKernels256.Output2, &WinogradKernels256.OutputPooled2),
            new(3, &WinogradKernels256.Input3, &WinogradKernels256.Output3, null),
            new(4, &WinogradKernels256.Input4, &WinogradKernels256.Output4, &WinogradKernels256.OutputPooled4),
        ],
        [
            new(2, &WinogradKernels128.Input2, &WinogradKernels128.Output2, &WinogradKernels128.OutputPooled2),
            new(3, &WinogradKernels128.Input3, &WinogradKernels128.Output3, null),
            new(4, &WinogradKernels128.Input4, &WinogradKernels128.Output4, &WinogradKernels128.OutputPooled4),
        ],
    ];

    private readonly delegate*<float**, int, float*, nint, float*, void> _input;
    private readonly delegate*<float*, nint, int, float*, float**, float**, float, float, float*, void> _output, _pooled;

    private WinogradTransforms(
        int m, delegate*<float**, int, float*, nint, float*, void> input,
        delegate*<float*, nint, int, float*, float**, float**, float, float, float*, void> output,
        delegate*<float*, nint, int, float*, float**, float**, float, float, float*, void> pooled)
    {
        M = m;
        _input = input;
        _output = output;
        _pooled = pooled;
    }

    /// <summary>Rows and columns of outputs.</summary>
    public int M { get; }

    /// <summary>Those of a <see cref="GemmTile"/>'s width for outputs of <paramref name="m"/> x <paramref name="m"/>.</summary>
    public static WinogradTransforms For(int tileId, int m) => All[tileId][m - 2];

    /// <summary>
    /// v[i,j] = sum over k,l of B'[i,k] d[k,l] B'[j,l] for every channel: d[k,l] begins at pixels[k n + l], v[i,j] at v + (i n + j) position.
    /// </summary>
    public void Input(float** pixels, int channels, float* v, nint position, float* buffer) => _input(pixels, channels, v, position, buffer);

    /// <summary>
    /// y[i,j] = min(max(b + residual[i,j] + sum over k,l of A'[i,k] p[k,l] A'[j,l], low), high) for every channel: p[k,l] begins at
    /// products + (k n + l) position, y[i,j] and residual[i,j] at the (i m + j)-th of their pointers. b and residual may be null.
    /// </summary>
    public void Output(float* products, nint position, int channels, float* b, float** residual, float** y, float low, float high, float* buffer) =>
        _output(products, position, channels, b, residual, y, low, high, buffer);

    /// <summary>
    /// The same for even M, with the largest of every 2 x 2 outputs as the output: the (i (M / 2) + j)-th pointer of <paramref name="y"/> takes
    /// that of rows 2 i, 2 i + 1 and columns 2 j, 2 j + 1. NaN where one of them is.
    /// </summary>
    public void OutputPooled(float* products, nint position, int channels, float* b, float** residual, float** y, float low, float high, float* buffer) =>
        _pooled(products, position, channels, b, residual, y, low, high, buffer);

    /// <summary>u[i,j] = sum over k,l of G[i,k] g[k,l] G[j,l], in double; g [3,3] is <paramref name="stride"/> floats from one to the next.</summary>
    public static void Filter(int m, float* g, int stride, double* u)
    {
        double[,] matrix = WinogradMatrices.Filter(m);
        int n = m + 2;
        double* rows = stackalloc double[18]; // n x 3
        for (int i = 0; i < n; i++)
        {
            for (int l = 0; l < 3; l++)
            {
                rows[i * 3 + l] = 0;
                for (int k = 0; k < 3; k++)
                    rows[i * 3 + l] += matrix[i, k] * g[(k * 3 + l) * stride];
            }
        }
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                u[i * n + j] = 0;
                for (int l = 0; l < 3; l++)
                    u[i * n + j] += rows[i * 3 + l] * matrix[j, l];
            }
        }
    }
}
