namespace Graft.Kernels.Cpu;

/// <summary>Work on independent rows; its fields (pointers, counts) are shared by all threads.</summary>
internal interface IRowBody
{
    /// <summary>Does the rows from <paramref name="first"/> up to, not including, <paramref name="end"/>.</summary>
    void Run(int first, int end);
}
