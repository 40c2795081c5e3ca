using System.Runtime.InteropServices;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>
/// Tries an activation of cuBLASLt on 56 numbers and on NaN, times a matrix of ones on the diagonal: documents do not say whether its ReLU keeps NaN, nor how many digits its GELU
/// has.
/// </summary>
internal static class LtActivationCheck
{
    private const int Side = 8;
    private const double ExactTolerance = 2e-6, RoundedTolerance = 5e-3; // bfloat16 rounds by up to 2^-8 of a number

    /// <summary>True where it is the engine's function.</summary>
    public static bool Passes(CudaContext context, CudaBlasLt lt, in GemmTypes types, UnaryFormula activation)
    {
        float[] x = [.. Enumerable.Range(0, Side * Side).Select(i => (i - Side * Side / 2) / 8f)]; // -4 to 3.9, whole in 16 bits; the first row is spoiled
        x[0] = float.NaN;
        float[] diagonal = [.. Enumerable.Range(0, Side * Side).Select(i => i % (Side + 1) == 0 ? 1f : 0f)];
        using CudaScratch first = Upload(context, types.Factors, x), second = Upload(context, types.Factors, diagonal), result = new(context, Side * Side * sizeof(float));
        if (!lt.Run(types, new FrozenDenseGeometry(Side, Side, Side), activation, new LtOperands(first.Address, second.Address, 0, 0, result.Address)))
            return false;
        float[] y = Download(context, types.Output, result.Address);
        double tolerance = types == GemmTypes.Of(ComputePrecision.Float32) ? ExactTolerance : RoundedTolerance;
        for (int i = 0; i < y.Length; i++)
        {
            double expected = i < Side ? double.NaN : Value(activation, x[i]);
            if (double.IsNaN(expected) ? !float.IsNaN(y[i]) : !(Math.Abs(y[i] - expected) <= tolerance * Math.Max(1, Math.Abs(expected))))
                return false;
        }
        return true;
    }

    private static double Value(UnaryFormula activation, double x) =>
        activation == UnaryFormula.ReLU ? Math.Max(x, 0) : 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

    private static CudaScratch Upload(CudaContext context, cudaDataType type, float[] values)
    {
        var block = new CudaScratch(context, values.Length * sizeof(float));
        switch (type)
        {
            case cudaDataType.CUDA_R_16BF:
                context.Transfers.Upload(MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, Rounding.ToBFloat16)), block.Address);
                break;
            case cudaDataType.CUDA_R_16F:
                context.Transfers.Upload(MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, v => (Half)v)), block.Address);
                break;
            default:
                context.Transfers.Upload(MemoryMarshal.AsBytes<float>(values), block.Address);
                break;
        }
        return block;
    }

    private static float[] Download(CudaContext context, cudaDataType type, nint from)
    {
        var bytes = new byte[Side * Side * (type == cudaDataType.CUDA_R_32F ? sizeof(float) : sizeof(ushort))];
        context.Transfers.Download(from, bytes);
        return type switch
        {
            cudaDataType.CUDA_R_16BF => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), Rounding.FromBFloat16),
            cudaDataType.CUDA_R_16F => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), h => (float)h),
            _ => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
        };
    }
}
