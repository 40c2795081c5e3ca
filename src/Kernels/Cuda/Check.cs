using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Every native call goes through here: what is not success becomes an exception that shows the call.</summary>
internal static class Check
{
    public static void Ok(CUresult status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != CUresult.CUDA_SUCCESS)
            Throw(status, call);
    }

    public static void Ok(nvrtcResult status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != nvrtcResult.NVRTC_SUCCESS)
            throw new CudaException($"{call}: {Text(Nvrtc.nvrtcGetErrorString(status))} ({(int)status}).") { Status = (int)status };
    }

    public static void Ok(cublasStatus_t status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != cublasStatus_t.CUBLAS_STATUS_SUCCESS)
            throw new CudaException($"{call}: {Text(Cublas.cublasGetStatusName(status))} ({(int)status}), {Text(Cublas.cublasGetStatusString(status))}.") { Status = (int)status };
    }

    public static unsafe void Ok(cudnnStatus_t status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status == cudnnStatus_t.CUDNN_STATUS_SUCCESS)
            return;
        const int MostBytes = 1024;
        byte* message = stackalloc byte[MostBytes];
        Cudnn.cudnnGetLastErrorString(message, MostBytes);
        throw new CudaException($"{call}: {Text(Cudnn.cudnnGetErrorString(status))} ({(int)status}), {Text((nint)message)}.") { Status = (int)status };
    }

    /// <summary>Name, number and words of a driver status: "CUDA_ERROR_NO_DEVICE (100), no CUDA-capable device is detected".</summary>
    public static string Describe(CUresult status)
    {
        string name = Driver.cuGetErrorName(status, out nint text) == CUresult.CUDA_SUCCESS ? Text(text) : "status unknown to this driver";
        string words = Driver.cuGetErrorString(status, out text) == CUresult.CUDA_SUCCESS ? Text(text) : "";
        return words.Length == 0 ? $"{name} ({(int)status})" : $"{name} ({(int)status}), {words}";
    }

    /// <summary>
    /// True for faults of work that ran earlier: whichever call comes next reports them, and every later call again.
    /// </summary>
    public static bool IsSticky(CUresult status) => status is CUresult.CUDA_ERROR_ECC_UNCORRECTABLE or CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
        or CUresult.CUDA_ERROR_LAUNCH_TIMEOUT or CUresult.CUDA_ERROR_ASSERT or CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR or CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION
        or CUresult.CUDA_ERROR_MISALIGNED_ADDRESS or CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE or CUresult.CUDA_ERROR_INVALID_PC or CUresult.CUDA_ERROR_LAUNCH_FAILED;

    public static string Text(nint words) => Marshal.PtrToStringUTF8(words) ?? "";

    [DoesNotReturn]
    private static void Throw(CUresult status, string call)
    {
        bool sticky = IsSticky(status);
        string more = sticky
            ? $" A kernel or copy that ran before this call is at fault{(KernelFunction.Last is { } last ? $"; the last one launched was {last}" : "")}. The device's context is broken and every later "
                + "call fails alike: start the program anew. GRAFT_CUDA_SYNC=1 waits after each launch and so names the kernel."
            : "";
        throw new CudaException($"{call}: {Describe(status)}.{more}") { Status = (int)status, IsSticky = sticky };
    }
}
