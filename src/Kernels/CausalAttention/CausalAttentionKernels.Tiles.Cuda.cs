using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Attention whose weights never lie in memory: in float32 by registers, in less on tensor cores.</summary>
internal sealed partial class CudaCausalAttentionKernels
{
    private const int MostD = 64, Tile = 64, HalfTile = 32, Threads = 128; // as in the .cu files
    private const int Row = MostD * sizeof(float), QueryBytes = 2 * Tile * sizeof(float); // of a row, and of what is known of a tile's queries
    private const int Ampere = 80; // the first with all instructions that AttentionTensor.cuh uses

    private readonly KernelFunction _forward = Kernel(context, "AttentionForward.cu", NarrowName.Of("attention_32", stored), (HalfTile + 2 * Tile) * Row), _delta = new(context, BackwardFile, NarrowName.Of("attention_delta", stored));

    // Each without and with dropout.
    private readonly KernelFunction[] _keys = Kernels(context, BackwardFile, NarrowName.Of("attention_backward_keys", stored), (2 * Tile + 4 * HalfTile) * Row),
        _queries = Kernels(context, BackwardFile, NarrowName.Of("attention_backward_queries", stored), (2 * Tile + 3 * HalfTile) * Row),
        _tensorForward = Kernels(context, "AttentionTensorForward.cu", TensorName("tensor_attention", precision, stored), 2 * WordTile(precision)),
        _tensorKeys = Kernels(context, "AttentionTensorBackward.cu", TensorName("tensor_attention_keys", precision, stored), (precision.IsNarrow() ? 4 : 2) * WordTile(precision) + QueryBytes),
        _tensorQueries = Kernels(context, "AttentionTensorBackward.cu", TensorName("tensor_attention_queries", precision, stored), (precision.IsNarrow() ? 3 : 2) * WordTile(precision) + QueryBytes);

    private bool UsesTensorCores => precision != ComputePrecision.Float32 && context.Info.Capability >= Ampere;

    /// <summary>True where <see cref="ForwardTiles"/> takes it.</summary>
    public static bool HasTiles(in CausalAttentionGeometry g) => g.D <= MostD;

    /// <summary>Without stored weights; qkv and y are of the type in memory that these kernels are for.</summary>
    public void ForwardTiles(in CausalAttentionGeometry g, nint qkv, nint y, DevicePtr<float> lse)
    {
        int part = g.C * (stored.IsNarrow() ? sizeof(ushort) : sizeof(float));
        Attend((long)g.N * g.Heads, g.T, g.DropoutRate > 0, qkv, qkv + part, qkv + 2 * part, DevicePtr<int>.Null.Address, y, lse, g.T, g.Heads, g.D, 3L * g.C, 3L * g.T * g.C, g.Scale, g.DropoutRate, g.Seed);
    }

    /// <summary>The gradient; qkv, y and their gradients are of that type.</summary>
    public void BackwardTiles(in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse, DevicePtr<float> dy, DevicePtr<float> dqkv, float beta)
    {
        long heads = (long)g.N * g.Heads, rows = heads * g.T;
        if (rows == 0)
            return;
        using var block = new CudaScratch(context, rows * sizeof(float));
        DevicePtr<float> delta = new(block.Address);
        const int rowsOfBlock = KernelFunction.Threads / 32;
        _delta.Launch((rows + rowsOfBlock - 1) / rowsOfBlock, KernelFunction.Threads, y, dy, delta, rows, g.T, g.Heads, g.D);
        foreach (KernelFunction[] kernel in (ReadOnlySpan<KernelFunction[]>)(UsesTensorCores ? [_tensorKeys, _tensorQueries] : [_keys, _queries]))
            kernel[g.DropoutRate > 0 ? 1 : 0].Launch(heads, Tiles(g.T, Tile), Threads, 1, qkv, dy, lse, delta, dqkv, g.T, g.Heads, g.D, g.Scale, g.DropoutRate, g.Seed, beta);
    }

    /// <summary>One block for each head and 32 queries (64 were 25 to 35 % slower on an H200), on tensor cores 64.</summary>
    private void Attend(long heads, int tokens, bool drops, params ReadOnlySpan<KernelArgument> arguments) =>
        (UsesTensorCores ? _tensorForward[drops ? 1 : 0] : _forward).Launch(heads, Tiles(tokens, UsesTensorCores ? Tile : HalfTile), Threads, 1, arguments);

    private static string TensorName(string kernel, ComputePrecision precision, ComputePrecision stored) => $"{kernel}{(stored.IsNarrow() ? "_stored" : "")}_{precision.Word()}";

    private static KernelFunction Kernel(CudaContext context, string file, string name, int sharedBytes) => new(context, file, name) { SharedBytes = sharedBytes };

    private static KernelFunction[] Kernels(CudaContext context, string file, string name, int sharedBytes) =>
        [Kernel(context, file, name, sharedBytes), Kernel(context, file, $"{name}_dropout", sharedBytes)];

    private static int Tiles(int tokens, int tile) => (tokens + tile - 1) / tile;

    /// <summary>Bytes of 64 rows of factors, padded as in AttentionTensor.cuh.</summary>
    private static int WordTile(ComputePrecision precision) => Tile * sizeof(uint) * ((precision.IsNarrow() ? MostD / 2 : MostD) + 4);
}
