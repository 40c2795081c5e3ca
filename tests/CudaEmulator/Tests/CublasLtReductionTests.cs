using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>How cuBLASLt's algorithms add the parts of a sum that they split.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class CublasLtReductionTests(CudaEmulator emulator)
{
    private const int R32F = 0, R16BF = 14, Compute32F = 68, InvalidValue = 7;

    [Fact]
    public void A_mask_of_reduction_schemes_leaves_out_what_it_does_not_name_and_parts_of_16_bits_are_rounded()
    {
        using var device = new EmulatedDevice(emulator);
        device.Ok(CuLib.cublasLtCreate(out nint lt));
        device.Ok(CuLib.cublasLtMatmulDescCreate(out nint desc, Compute32F, R32F));
        device.Ok(CuLib.cublasLtMatrixLayoutCreate(out nint layoutA, R16BF, 1, 2, 1));
        device.Ok(CuLib.cublasLtMatrixLayoutCreate(out nint layoutB, R16BF, 2, 1, 2));
        device.Ok(CuLib.cublasLtMatrixLayoutCreate(out nint layoutC, R16BF, 1, 1, 1));
        device.Ok(CuLib.cublasLtMatmulPreferenceCreate(out nint preference));
        ulong most = 1 << 20;
        uint alignment = 16;
        device.Ok(CuLib.cublasLtMatmulPreferenceSetAttribute(preference, 1, &most, 8));
        foreach (int operand in new[] { 5, 6, 7, 8 })
            device.Ok(CuLib.cublasLtMatmulPreferenceSetAttribute(preference, operand, &alignment, 4));
        // Pairs of bf16: a = (1 + 2^-7, 1), b = (1 + 2^-7, 2^-8). The sum, 1 + 2^-6 + 2^-14 + 2^-8, is nearest to 1 + 3 2^-7; with a first part of 1 + 2^-6 it is a tie, and becomes that.
        ulong a = device.Upload(Pair(0x3f81, 0x3f80)), b = device.Upload(Pair(0x3f81, 0x3b80)), c = device.Upload(0), workspace = device.Alloc(32 * 1024);
        byte* results = stackalloc byte[8 * 96];
        float one = 1, zero = 0;
        foreach ((uint mask, int count) in new[] { (0u, 2), (2u, 3), (6u, 4), (7u, 5) })
        {
            device.Ok(CuLib.cublasLtMatmulPreferenceSetAttribute(preference, 3, &mask, 4));
            device.Ok(CuLib.cublasLtMatmulAlgoGetHeuristic(lt, desc, layoutA, layoutB, layoutC, layoutC, preference, 8, results, out int found));
            Assert.Equal(count, found);
            var sums = new SortedSet<int>();
            for (int i = 0; i < found; i++)
            {
                byte* algorithm = results + i * 96;
                device.Ok(CuLib.cublasLtMatmul(lt, desc, &one, a, layoutA, b, layoutB, &zero, c, layoutC, c, layoutC, algorithm, workspace, *(nuint*)(algorithm + 64), 0));
                sums.Add(BitConverter.SingleToInt32Bits(device.Download(c, 1)[0]) & 0xffff);
            }
            Assert.Equal(mask > 2 ? [0x3f82, 0x3f83] : [0x3f83], sums);
        }
        uint unknown = 8;
        device.Ok(CuLib.cublasLtMatmulPreferenceSetAttribute(preference, 3, &unknown, 4));
        Assert.Equal(InvalidValue, CuLib.cublasLtMatmulAlgoGetHeuristic(lt, desc, layoutA, layoutB, layoutC, layoutC, preference, 8, results, out _));
        Assert.Contains("the mask of reduction schemes is 8", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cublasLtMatmulPreferenceDestroy(preference));
        foreach (nint layout in new[] { layoutA, layoutB, layoutC })
            device.Ok(CuLib.cublasLtMatrixLayoutDestroy(layout));
        device.Ok(CuLib.cublasLtMatmulDescDestroy(desc));
        device.Ok(CuLib.cublasLtDestroy(lt));
        emulator.AssertNoFindings();

        static float Pair(int low, int high) => BitConverter.Int32BitsToSingle((high << 16) | low);
    }
}
