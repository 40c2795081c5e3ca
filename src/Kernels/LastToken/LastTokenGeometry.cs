using System.Runtime.CompilerServices;

namespace Graft.Kernels;

/// <summary>Sizes of a choice of one row a sequence: ids [N,T], x [N,T,C], y [N,C].</summary>
/// <param name="N">Sequences.</param>
/// <param name="T">Tokens of a sequence, padding included.</param>
/// <param name="C">Numbers a token.</param>
/// <param name="Padding">The four bytes of the id that is padding, in the type that ids have; those of -1, which is no id, where nothing is.</param>
public readonly record struct LastTokenGeometry(int N, int T, int C, int Padding)
{
    /// <summary>The geometry for ids of int32, or whole numbers in float32.</summary>
    public static LastTokenGeometry Of(int n, int t, int c, int? padding, bool floatIds)
    {
        const int NoId = -1;
        int id = padding ?? NoId;
        return new(n, t, c, floatIds ? Unsafe.BitCast<float, int>(id) : id);
    }
}
