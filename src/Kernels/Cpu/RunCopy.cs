namespace Graft.Kernels.Cpu;

/// <summary>Copies a contiguous run of each row between two strided arrays: to = beta · to + from.</summary>
internal unsafe struct RunCopy : IRowWork
{
    public float* From, To;
    public long FromStep, ToStep, Count;
    public float Beta;

    public readonly void Row(long row)
    {
        float* from = From + row * FromStep, to = To + row * ToStep;
        if (Beta == 0)
        {
            System.Runtime.InteropServices.NativeMemory.Copy(from, to, (nuint)Count * sizeof(float));
            return;
        }
        for (long i = 0; i < Count; i++)
            to[i] = Beta * to[i] + from[i];
    }
}
