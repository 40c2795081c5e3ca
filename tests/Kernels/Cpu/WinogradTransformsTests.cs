using Graft.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>The matrices of Winograd's convolutions are right, and the generated transforms compute what the plain loops do.</summary>
public sealed unsafe class WinogradTransformsTests
{
    public static TheoryData<int, int> TilesAndSizes =>
        new(GemmTile.All.Where(t => t.IsSupported).SelectMany(t => new[] { (t.Id, 2), (t.Id, 3), (t.Id, 4) }));

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_matrices_give_a_correlation(int m)
    {
        double[,] output = WinogradMatrices.Output(m), filter = WinogradMatrices.Filter(m), input = WinogradMatrices.Input(m);
        int n = m + 2;
        var random = new Random(1);
        double[] d = [.. Enumerable.Range(0, n).Select(_ => random.NextDouble())], g = [.. Enumerable.Range(0, 3).Select(_ => random.NextDouble())];
        for (int i = 0; i < m; i++)
        {
            double y = Enumerable.Range(0, n).Sum(j =>
                output[i, j] * Enumerable.Range(0, 3).Sum(k => filter[j, k] * g[k]) * Enumerable.Range(0, n).Sum(k => input[j, k] * d[k]));
            Assert.Equal(Enumerable.Range(0, 3).Sum(k => d[i + k] * g[k]), y, 1e-12);
        }
    }

    [Theory]
    [MemberData(nameof(TilesAndSizes))]
    public void The_input_transform_is_the_product_of_matrices(int tile, int m)
    {
        const int Channels = 48;
        int n = m + 2, position = Channels + 5;
        using var d = GuardedBlock.Random(n * n * Channels, 3);
        using var v = new GuardedBlock((n * n - 1) * position + Channels);
        using var buffer = new GuardedBlock(WinogradTransforms.BufferSize);
        float** pixels = stackalloc float*[n * n];
        for (int i = 0; i < n * n; i++)
            pixels[i] = d.Pointer + i * Channels;
        WinogradTransforms.For(tile, m).Input(pixels, Channels, v.Pointer, position, buffer.Pointer);
        double[,] matrix = WinogradMatrices.Input(m);
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                for (int c = 0; c < Channels; c++)
                    Assert.Equal(Product(matrix, n, i, j, (k, l) => d.Values[(k * n + l) * Channels + c]), v.Values[(i * n + j) * position + c], 2e-5f); // sums of up to 36 numbers of up to 7
            }
        }
        v.AssertGuardsUntouched();
        buffer.AssertGuardsUntouched();
    }

    [Theory]
    [MemberData(nameof(TilesAndSizes))]
    public void The_output_transform_is_the_product_of_matrices_with_the_epilogue(int tile, int m)
    {
        const int Channels = 32;
        int n = m + 2, position = Channels + 3;
        using var products = GuardedBlock.Random(n * n * position, 4);
        using var b = GuardedBlock.Random(Channels, 5);
        using var residual = GuardedBlock.Random(m * m * Channels, 6);
        using var y = new GuardedBlock(m * m * Channels);
        using var buffer = new GuardedBlock(WinogradTransforms.BufferSize);
        float** outputs = stackalloc float*[m * m];
        float** residuals = stackalloc float*[m * m];
        for (int i = 0; i < m * m; i++)
        {
            outputs[i] = y.Pointer + i * Channels;
            residuals[i] = residual.Pointer + i * Channels;
        }
        double[,] matrix = WinogradMatrices.Output(m);
        foreach (bool bare in new[] { true, false })
        {
            WinogradTransforms.For(tile, m).Output(
                products.Pointer, position, Channels, bare ? null : b.Pointer, bare ? null : residuals, outputs, bare ? float.NegativeInfinity : 0, bare ? float.PositiveInfinity : 6, buffer.Pointer);
            for (int i = 0; i < m; i++)
            {
                for (int j = 0; j < m; j++)
                {
                    for (int c = 0; c < Channels; c++)
                    {
                        int at = (i * m + j) * Channels + c;
                        double sum = Product(matrix, n, i, j, (k, l) => products.Values[(k * n + l) * position + c]);
                        double expected = bare ? sum : Math.Clamp(sum + b.Values[c] + residual.Values[at], 0, 6);
                        Assert.Equal(expected, y.Values[at], 5e-5f); // sums of up to 36 numbers of up to 11
                    }
                }
            }
            y.AssertGuardsUntouched();
            buffer.AssertGuardsUntouched();
        }
    }

    [Fact]
    public void The_filter_transform_is_the_product_of_matrices()
    {
        using var g = GuardedBlock.Random(9 * 2, 7);
        double* u = stackalloc double[36];
        foreach (int m in new[] { 2, 3, 4 })
        {
            WinogradTransforms.Filter(m, g.Pointer + 1, 2, u);
            for (int i = 0; i < m + 2; i++)
            {
                for (int j = 0; j < m + 2; j++)
                    Assert.Equal(Product(WinogradMatrices.Filter(m), 3, i, j, (k, l) => g.Values[(k * 3 + l) * 2 + 1]), u[i * (m + 2) + j], 1e-12);
            }
        }
    }

    /// <summary>Element (i,j) of M X M'.</summary>
    private static double Product(double[,] matrix, int n, int i, int j, Func<int, int, float> x)
    {
        double sum = 0;
        for (int k = 0; k < n; k++)
        {
            for (int l = 0; l < n; l++)
                sum += matrix[i, k] * x(k, l) * matrix[j, l];
        }
        return sum;
    }
}
