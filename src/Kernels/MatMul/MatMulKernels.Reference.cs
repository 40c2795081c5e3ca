namespace Graft.Kernels;

internal sealed unsafe class ReferenceMatMulKernels : MatMulKernels
{
    public override void Forward(in MatMulGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y)
    {
        for (int i = 0; i < g.Batch; i++)
        {
            for (int m = 0; m < g.M; m++)
            {
                for (int n = 0; n < g.N; n++)
                {
                    double sum = 0;
                    for (int k = 0; k < g.K; k++)
                        sum += (double)a.Pointer[A(g, g.BatchOfA[i], m, k)] * b.Pointer[B(g, g.BatchOfB[i], k, n)];
                    y.Pointer[Y(g, i, m, n)] = (float)sum;
                }
            }
        }
    }

    public override void BackwardA(in MatMulGeometry g, DevicePtr<float> dy, DevicePtr<float> b, DevicePtr<float> da, float beta)
    {
        for (int matrix = 0; matrix < g.CountA; matrix++)
        {
            for (int m = 0; m < g.M; m++)
            {
                for (int k = 0; k < g.K; k++)
                {
                    double sum = 0;
                    for (int i = 0; i < g.Batch; i++)
                    {
                        for (int n = 0; g.BatchOfA[i] == matrix && n < g.N; n++)
                            sum += (double)dy.Pointer[Y(g, i, m, n)] * b.Pointer[B(g, g.BatchOfB[i], k, n)];
                    }
                    BetaStore.Store(ref da.Pointer[A(g, matrix, m, k)], sum, beta);
                }
            }
        }
    }

    public override void BackwardB(in MatMulGeometry g, DevicePtr<float> a, DevicePtr<float> dy, DevicePtr<float> db, float beta)
    {
        for (int matrix = 0; matrix < g.CountB; matrix++)
        {
            for (int k = 0; k < g.K; k++)
            {
                for (int n = 0; n < g.N; n++)
                {
                    double sum = 0;
                    for (int i = 0; i < g.Batch; i++)
                    {
                        for (int m = 0; g.BatchOfB[i] == matrix && m < g.M; m++)
                            sum += (double)a.Pointer[A(g, g.BatchOfA[i], m, k)] * dy.Pointer[Y(g, i, m, n)];
                    }
                    BetaStore.Store(ref db.Pointer[B(g, matrix, k, n)], sum, beta);
                }
            }
        }
    }

    private static long A(in MatMulGeometry g, int i, int m, int k) => (long)i * g.M * g.K + (g.TransposeA ? (long)k * g.M + m : (long)m * g.K + k);

    private static long B(in MatMulGeometry g, int i, int k, int n) => (long)i * g.K * g.N + (g.TransposeB ? (long)n * g.K + k : (long)k * g.N + n);

    private static long Y(in MatMulGeometry g, int i, int m, int n) => ((long)i * g.M + m) * g.N + n;
}
