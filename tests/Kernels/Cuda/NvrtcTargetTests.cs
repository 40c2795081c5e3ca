using Graft.Kernels.Cuda;
using Xunit;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Which code NVRTC is asked for.</summary>
public sealed class NvrtcTargetTests
{
    private static readonly int[] s_known = [75, 80, 86, 89, 90];

    [Theory]
    [InlineData(90, "sm_90")]
    [InlineData(75, "sm_75")]
    [InlineData(87, "compute_86")] // the newest before it: the driver compiles that on
    [InlineData(120, "compute_90")] // newer than this NVRTC
    public void Machine_code_where_the_gpu_is_known_and_ptx_where_it_is_not(int capability, string target) =>
        Assert.Equal(target, NvrtcCompiler.TargetFor(capability, s_known, "13.0"));

    [Fact]
    public void A_gpu_that_is_too_old_is_refused_with_both_numbers()
    {
        CudaException e = Assert.Throws<CudaException>(() => NvrtcCompiler.TargetFor(61, s_known, "13.0"));
        Assert.Contains("compute capability 6.1; NVRTC 13.0 makes code for 7.5 and later", e.Message, StringComparison.Ordinal);
    }
}
