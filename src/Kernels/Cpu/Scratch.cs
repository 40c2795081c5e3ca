using System.Runtime.InteropServices;

namespace Graft.Kernels.Cpu;

/// <summary>A buffer that each thread keeps between calls, grown when asked for more; contents are undefined.</summary>
/// <remarks>Steady state: no allocation and no fresh page. One purpose, one slot: nested users take different slots.</remarks>
internal static unsafe class Scratch
{
    [ThreadStatic]
    private static Slot[]? _slots;

    private struct Slot
    {
        public float* Data;
        public long Count;
    }

    /// <summary>At least <paramref name="count"/> floats, aligned to 64 bytes, until the next call for this slot on this thread.</summary>
    public static float* Rent(ScratchSlot slot, long count)
    {
        _slots ??= new Slot[Enum.GetValues<ScratchSlot>().Length];
        ref Slot s = ref _slots[(int)slot];
        if (s.Count < count)
        {
            NativeMemory.AlignedFree(s.Data);
            s.Data = (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
            s.Count = count;
        }
        return s.Data;
    }
}

/// <summary>What a scratch buffer is for.</summary>
internal enum ScratchSlot
{
    /// <summary>Rows of A packed for the micro-kernel.</summary>
    PackedA,

    /// <summary>Columns of B packed for the micro-kernel.</summary>
    PackedB,

    /// <summary>Patches of a convolution.</summary>
    Patches,

    /// <summary>Weights brought into another order for a call.</summary>
    Weights,

    /// <summary>Private sums that are added up in a fixed order.</summary>
    Partial,

    /// <summary>Weights turned for the gradient of an input, before they are packed.</summary>
    Turned,

    /// <summary>Rows of a result before they are put where they belong.</summary>
    Rows,

    /// <summary>Transformed inputs of a Winograd convolution.</summary>
    WinogradInput,

    /// <summary>Its products before they are transformed back.</summary>
    WinogradProducts,

    /// <summary>The buffer of one transform, and a row of zeros.</summary>
    WinogradRow,

    /// <summary>Rows rounded to bytes.</summary>
    Quantized,

    /// <summary>A head's keys, packed for products over the numbers of a head.</summary>
    AttentionKeys,

    /// <summary>A head's values, packed likewise or for products over tokens.</summary>
    AttentionValues,

    /// <summary>A head's keys, packed for products over tokens.</summary>
    AttentionKeyRows,

    /// <summary>Weights of a block of queries.</summary>
    AttentionScores,

    /// <summary>Gradients of the weights of a block of queries.</summary>
    AttentionGradients,

    /// <summary>Both of these, turned.</summary>
    AttentionTurned,

    /// <summary>Sums of a head's gradients of keys and values.</summary>
    AttentionSums,

    /// <summary>One step of a group of sequences: states, gates, products.</summary>
    RecurrentStep,

    /// <summary>A block of queries or of their outputs' gradients, packed.</summary>
    AttentionBlock,
}
