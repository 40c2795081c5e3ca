using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Forward, the frozen kernels serve where they can, with weights packed for the call (<see cref="TryForward"/>). All else is a matrix product over
/// pieces of the patch matrix, and a 1x1 convolution of stride 1 one product of x itself.
/// </summary>
internal sealed unsafe partial class CpuConv2DKernels : Conv2DKernels
{
    /// <summary>Output pixels a chunk, whole tiles: with 256 columns of patches 224 KiB, which stays in the L2 cache.</summary>
    private const int BlockRows = 224;

    /// <summary>Floats from one patch to the next: a power of two would crowd the rows of a tile into few cache sets.</summary>
    private const int PatchStride = Gemm.BlockK + 16;

    /// <summary>Fewer chunks than this are cut further, along the output channels.</summary>
    private const int EnoughChunks = 8;

    public override void Forward(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y)
    {
        if (TryForward(g, x.Pointer, w.Pointer, b.Pointer, y.Pointer))
            return;
        int k = g.R * g.S * g.GroupC;
        if (g.IsPointwise)
        {
            Gemm.Run(false, true, checked(g.N * g.H * g.W), g.O, k, x.Pointer, g.C, w.Pointer, k, y.Pointer, g.O, 0, b.Pointer);
            return;
        }
        long packedSize = Gemm.PackedSize(g.GroupO, k);
        float* packed = Scratch.Rent(ScratchSlot.Weights, packedSize * g.Groups);
        for (int group = 0; group < g.Groups; group++)
            Gemm.PackWhole(true, g.GroupO, k, w.Pointer + (long)group * g.GroupO * k, k, packed + group * packedSize);
        var body = new ForwardBlock(g, x.Pointer, packed, b.Pointer, y.Pointer);
        WorkerPool.For(body.Chunks, ref body);
    }

    public override void BackwardBias(in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        ColumnSums.Run((long)g.N * g.OutH * g.OutW, g.O, new ColumnSums.Plain { X = dy.Pointer, C = g.O }, db.Pointer, beta);

    /// <summary>A block of output pixels times a block of output channels of one group.</summary>
    private readonly struct ForwardBlock : IChunkBody
    {
        private readonly Conv2DPatches _patches;
        private readonly long _rows, _packedSize;
        private readonly int _k, _o, _groupO, _groups, _blockRows, _blockO, _columnBlocks;
        private readonly float* _packed, _b, _y;

        public ForwardBlock(in Conv2DGeometry g, float* x, float* packed, float* b, float* y)
        {
            _patches = new Conv2DPatches(g, x);
            (_rows, _k, _o, _groupO, _groups) = ((long)g.N * g.OutH * g.OutW, g.R * g.S * g.GroupC, g.O, g.GroupO, g.Groups);
            _packedSize = Gemm.PackedSize(_groupO, _k);
            _packed = packed;
            _b = b;
            _y = y;
            _blockRows = _rows >= (long)BlockRows * EnoughChunks ? BlockRows : BlockRows / 2;
            bool few = (_rows + _blockRows - 1) / _blockRows * _groups < EnoughChunks;
            _blockO = few ? 128 : _groupO;
            _columnBlocks = (_groupO + _blockO - 1) / _blockO;
        }

        public int Chunks => checked((int)((_rows + _blockRows - 1) / _blockRows * _groups * _columnBlocks));

        public void Run(int chunk)
        {
            int column = chunk % _columnBlocks * _blockO, group = chunk / _columnBlocks % _groups;
            long first = (long)(chunk / _columnBlocks / _groups) * _blockRows;
            int rows = (int)Math.Min(_blockRows, _rows - first), columns = Math.Min(_blockO, _groupO - column);
            float* patches = Scratch.Rent(ScratchSlot.Patches, (long)_blockRows * PatchStride);
            int channel = group * _groupO + column;
            float* y = _y + first * _o + channel;
            int padded = GemmTile.Current.PaddedN(_groupO);
            for (int k0 = 0; k0 < _k; k0 += Gemm.BlockK)
            {
                int kc = Math.Min(Gemm.BlockK, _k - k0);
                _patches.Fill(first, rows, group, k0, k0 + kc, patches, PatchStride);
                float* weights = _packed + group * _packedSize + (long)k0 * padded + (long)column * kc;
                Gemm.RunPacked(rows, columns, kc, patches, PatchStride, weights, y, _o, k0 == 0 ? 0 : 1, k0 == 0 && _b != null ? _b + channel : null);
            }
        }
    }
}
