using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Blocked matrix products: many small ones side by side, large ones one after the other with all threads in each.</summary>
internal sealed unsafe class CpuMatMulKernels : MatMulKernels
{
    /// <summary>Products with more multiplications than this fill all threads alone.</summary>
    private const long LargeProduct = 1 << 22;

    public override void Forward(in MatMulGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y) =>
        Run(g, new Job { Kind = Kind.Forward, A = a.Pointer, B = b.Pointer, Y = y.Pointer, Count = g.Batch }, 0);

    public override void BackwardA(in MatMulGeometry g, DevicePtr<float> dy, DevicePtr<float> b, DevicePtr<float> da, float beta) =>
        Run(g, new Job { Kind = Kind.A, A = da.Pointer, B = b.Pointer, Y = dy.Pointer, Count = g.CountA }, beta);

    public override void BackwardB(in MatMulGeometry g, DevicePtr<float> a, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        Run(g, new Job { Kind = Kind.B, A = a.Pointer, B = db.Pointer, Y = dy.Pointer, Count = g.CountB }, beta);

    private static void Run(in MatMulGeometry g, Job job, float beta)
    {
        (job.M, job.N, job.K, job.TransA, job.TransB, job.Beta, job.Batch) = (g.M, g.N, g.K, g.TransposeA, g.TransposeB, beta, g.Batch);
        fixed (int* ofA = g.BatchOfA, ofB = g.BatchOfB)
        {
            job.OfA = ofA;
            job.OfB = ofB;
            if (job.Count > 1 && (long)g.M * g.N * g.K < LargeProduct)
            {
                WorkerPool.For(job.Count, ref job);
                return;
            }
            for (int i = 0; i < job.Count; i++)
                job.Run(i);
        }
    }

    private enum Kind
    {
        Forward,
        A,
        B,
    }

    private struct Job : IChunkBody
    {
        public Kind Kind;
        public int M, N, K, Count, Batch;
        public bool TransA, TransB;
        public float Beta;
        public float* A, B, Y;
        public int* OfA, OfB;

        /// <summary>Matrix number <paramref name="chunk"/> of the destination; a shared one sums its products in rising order.</summary>
        public readonly void Run(int chunk)
        {
            if (Kind == Kind.Forward)
            {
                Gemm.Run(TransA, TransB, M, N, K, MatrixA(OfA[chunk]), TransA ? M : K, MatrixB(OfB[chunk]), TransB ? K : N, MatrixY(chunk), N, 0);
                return;
            }
            float beta = Beta;
            for (int i = 0; i < Batch; i++)
            {
                if ((Kind == Kind.A ? OfA[i] : OfB[i]) != chunk)
                    continue;
                if (Kind == Kind.A)
                    ProductA(i, chunk, beta);
                else
                    ProductB(i, chunk, beta);
                beta = 1;
            }
        }

        private readonly void ProductA(int i, int matrix, float beta)
        {
            float* b = MatrixB(OfB[i]), dy = MatrixY(i), da = MatrixA(matrix);
            if (TransA) // da [K,M] = op(b) dyᵀ
                Gemm.Run(TransB, true, K, M, N, b, TransB ? K : N, dy, N, da, M, beta);
            else // da [M,K] = dy op(b)ᵀ
                Gemm.Run(false, !TransB, M, K, N, dy, N, b, TransB ? K : N, da, K, beta);
        }

        private readonly void ProductB(int i, int matrix, float beta)
        {
            float* a = MatrixA(OfA[i]), dy = MatrixY(i), db = MatrixB(matrix);
            if (TransB) // db [N,K] = dyᵀ op(a)
                Gemm.Run(true, TransA, N, K, M, dy, N, a, TransA ? M : K, db, K, beta);
            else // db [K,N] = op(a)ᵀ dy
                Gemm.Run(!TransA, false, K, N, M, a, TransA ? M : K, dy, N, db, N, beta);
        }

        private readonly float* MatrixA(int i) => A + (long)i * M * K;

        private readonly float* MatrixB(int i) => B + (long)i * K * N;

        private readonly float* MatrixY(int i) => Y + (long)i * M * N;
    }
}
