using System.Numerics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe partial class CpuConv2DKernels
{
    /// <summary>Blocks of dw, of so many rows and columns, from which on one product keeps all threads busy by itself.</summary>
    private const int EnoughWeightBlocks = 8, WeightBlockRows = 112, WeightBlockColumns = 256;

    /// <summary>
    /// dw [O,K] = dyᵀ times the patch matrix. Chunks own columns of dw; where those are few, output pixels are cut into
    /// slices too, by the sizes alone, and the slices are added in rising order.
    /// </summary>
    public override void BackwardWeight(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        if (g.N == 0 || g.OutH == 0 || g.OutW == 0)
        {
            int k = g.R * g.S * g.GroupC;
            Gemm.Run(true, false, g.O, k, 0, dy.Pointer, g.O, x.Pointer, k, dw.Pointer, k, beta); // no pixel: the gradient is 0
            return;
        }
        if (TryWinogradGradient(g, x.Pointer, dy.Pointer, dw.Pointer, beta) || TryRowGradient(g, x.Pointer, dy.Pointer, dw.Pointer, beta))
            return;
        if (g.IsPointwise && (g.O + WeightBlockRows - 1) / WeightBlockRows * ((g.C + WeightBlockColumns - 1) / WeightBlockColumns) >= EnoughWeightBlocks)
        {
            Gemm.Run(true, false, g.O, g.C, checked(g.N * g.H * g.W), dy.Pointer, g.O, x.Pointer, g.C, dw.Pointer, g.C, beta);
            return;
        }
        var body = new WeightBlock(g, x.Pointer, dy.Pointer, dw.Pointer, beta);
        long size = (long)g.O * g.R * g.S * g.GroupC;
        if (body.Slices > 1)
            body.Partial = Scratch.Rent(ScratchSlot.Partial, body.Slices * size);
        WorkerPool.For(body.Chunks, ref body);
        if (body.Slices == 1)
            return;
        var sum = new SliceSum { Slices = body.Slices, Size = size, Partial = body.Partial, Destination = dw.Pointer, Beta = beta };
        WorkerPool.For((int)((size + SliceSum.Count - 1) / SliceSum.Count), ref sum);
    }

    private struct WeightBlock : IChunkBody
    {
        private const int Columns = 512, Chunked = 16;

        /// <summary>Where slices go, [slice][O,K]; null where there is one slice, which goes to dw at once.</summary>
        public float* Partial;
        private readonly Conv2DPatches _patches;
        private readonly long _rows, _sliceRows;
        private readonly int _k, _o, _groupO, _groups, _columnBlocks;
        private readonly float* _inPlace, _dy, _dw; // _inPlace: x where that is the patch matrix
        private readonly float _beta;

        public WeightBlock(in Conv2DGeometry g, float* x, float* dy, float* dw, float beta)
        {
            _patches = new Conv2DPatches(g, x);
            (_rows, _k, _o, _groupO, _groups, _beta) = ((long)g.N * g.OutH * g.OutW, g.R * g.S * g.GroupC, g.O, g.GroupO, g.Groups, beta);
            _inPlace = g.IsPointwise ? x : null;
            _dy = dy;
            _dw = dw;
            _columnBlocks = (_k + Columns - 1) / Columns;
            long slices = Math.Clamp(_rows / (4 * Gemm.BlockK), 1, Math.Max(1, Chunked / (_columnBlocks * _groups)));
            _sliceRows = (_rows + slices - 1) / slices;
            Slices = (int)((_rows + _sliceRows - 1) / _sliceRows);
        }

        public int Slices { get; }

        public readonly int Chunks => Slices * _groups * _columnBlocks;

        public readonly void Run(int chunk)
        {
            int k0 = chunk % _columnBlocks * Columns, columns = Math.Min(Columns, _k - k0), group = chunk / _columnBlocks % _groups;
            int slice = chunk / _columnBlocks / _groups;
            float* to = (Partial == null ? _dw : Partial + (long)slice * _o * _k) + (long)group * _groupO * _k + k0;
            float beta = Partial == null ? _beta : 0;
            long end = Math.Min(_rows, (slice + 1) * _sliceRows);
            if (_inPlace != null)
            {
                long at = slice * _sliceRows;
                Gemm.Run(true, false, _o, columns, (int)(end - at), _dy + at * _o, _o, _inPlace + at * _k + k0, _k, to, _k, beta);
                return;
            }
            float* patches = Scratch.Rent(ScratchSlot.Patches, (long)Gemm.BlockK * Columns);
            for (long first = slice * _sliceRows; first < end; first += Gemm.BlockK, beta = 1)
            {
                int rows = (int)Math.Min(Gemm.BlockK, end - first);
                _patches.Fill(first, rows, group, k0, k0 + columns, patches, columns);
                Gemm.Run(true, false, _groupO, columns, rows, _dy + first * _o + group * _groupO, _o, patches, columns, to, _k, beta);
            }
        }
    }

    /// <summary>destination = beta destination + the slices in rising order.</summary>
    private struct SliceSum : IChunkBody
    {
        public const int Count = 4096;
        public int Slices;
        public long Size;
        public float* Partial, Destination;
        public float Beta;

        public readonly void Run(int chunk)
        {
            long i = (long)chunk * Count, end = Math.Min(Size, i + Count);
            for (; i + Vector<float>.Count <= end; i += Vector<float>.Count)
            {
                Vector<float> sum = Vector.Load(Partial + i);
                for (int s = 1; s < Slices; s++)
                    sum += Vector.Load(Partial + s * Size + i);
                (Beta == 0 ? sum : sum + Beta * Vector.Load(Destination + i)).Store(Destination + i);
            }
            for (; i < end; i++)
            {
                float sum = Partial[i];
                for (int s = 1; s < Slices; s++)
                    sum += Partial[s * Size + i];
                Destination[i] = Beta == 0 ? sum : sum + Beta * Destination[i];
            }
        }
    }
}
