using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>The emulated compiler takes what NVRTC takes, and refuses what NVRTC refuses.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class NvrtcTests(CudaEmulator emulator)
{
    private const int InvalidOption = 5, Compilation = 6, NoBinary = 209, InvalidImage = 200, NotFound = 500;

    [Theory]
    [InlineData("extern \"C\" __global__ void k(float* x) { x[0] = nothing; }", "nothing")]
    [InlineData("#include <cstdint>\nextern \"C\" __global__ void k(float* x) { }", "cstdint")]
    [InlineData("extern \"C\" __global__ void k(float2* x) { x[0] = __shfl_xor_sync(~0u, x[0], 1); }", "__shfl_xor_sync")]
    [InlineData("extern \"C\" __global__ void k(char* x) { atomicAdd(x, (char)1); }", "atomicAdd")]
    [InlineData("extern \"C\" __global__ void k(float* x) { throw 1; }", "exception")]
    public void What_nvrtc_refuses_does_not_compile(string source, string inLog)
    {
        emulator.BeginEmulated(inLog);
        var compiled = EmulatedDevice.TryCompile(source);
        Assert.Equal(Compilation, compiled.Status);
        Assert.Contains(inLog, compiled.Log, StringComparison.Ordinal);
        Assert.Contains("test.cu", compiled.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Errors_name_the_line_of_the_source()
    {
        emulator.BeginEmulated("lines");
        Assert.Contains("test.cu:3:", EmulatedDevice.TryCompile("// one\n\nextern \"C\" __global__ void k(float* x) { x = 1; }").Log, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_architecture_or_option_is_refused()
    {
        emulator.BeginEmulated("options");
        Assert.Equal(InvalidOption, EmulatedDevice.TryCompile("", "sm_91").Status);
    }

    [Fact]
    public void Templates_are_found_by_their_name_expression_and_kernels_of_macros_by_name()
    {
        using var device = new EmulatedDevice(emulator);
        const string source = """
            template <class T, int N> __global__ void set(T* x) { x[threadIdx.x] = N; }
            #define FILL(name, value) extern "C" __global__ void name(float* x) { x[threadIdx.x] = value; }
            FILL(threes, 3.0f)
            extern "C" __device__ float unused() { return 0; }
            __global__ void mangled(float* x) { }
            """;
        ulong x = device.Alloc(2);
        device.Ok(EmulatedDevice.Run(device.Kernel(source, "set<float, 7>", isExpression: true), 1, 2, x));
        Assert.Equal([7f, 7], device.Download(x, 2));
        device.Ok(EmulatedDevice.Run(device.Kernel(source, "threes"), 1, 2, x));
        Assert.Equal([3f, 3], device.Download(x, 2));
        nint module = device.Load(EmulatedDevice.TryCompile(source).Image);
        Assert.Equal(NotFound, Cu.cuModuleGetFunction(out _, module, "mangled")); // without extern "C" its name is another
    }

    [Fact]
    public void Two_modules_share_no_shared_memory_and_no_template()
    {
        using var device = new EmulatedDevice(emulator);
        static string Source(int value) => $$"""
            template <class T> __device__ T get() { return {{value}}; }
            extern "C" __global__ void k(float* x) { __shared__ float s; s = get<float>(); x[0] = s; }
            """;
        ulong x = device.Alloc(1);
        nint one = device.Kernel(Source(1), "k"), two = device.Kernel(Source(2), "k");
        device.Ok(EmulatedDevice.Run(one, 1, 1, x));
        Assert.Equal([1f], device.Download(x, 1));
        device.Ok(EmulatedDevice.Run(two, 1, 1, x));
        Assert.Equal([2f], device.Download(x, 1));
    }

    [Fact]
    public void Ptx_loads_with_its_nul_and_an_image_for_another_gpu_does_not()
    {
        using var device = new EmulatedDevice(emulator);
        const string source = "extern \"C\" __global__ void k(float* x) { x[0] = 5; }";
        ulong x = device.Alloc(1);
        device.Ok(Cu.cuModuleGetFunction(out nint k, device.Load(EmulatedDevice.TryCompile(source, "compute_80").Image), "k"));
        device.Ok(EmulatedDevice.Run(k, 1, 1, x));
        Assert.Equal([5f], device.Download(x, 1));
        fixed (byte* image = EmulatedDevice.TryCompile(source, "sm_80").Image)
            Assert.Equal(NoBinary, Cu.cuModuleLoadData(out _, image));
        fixed (byte* image = "no image"u8)
            Assert.Equal(InvalidImage, Cu.cuModuleLoadData(out _, image));
        emulator.ClearReports();
    }

    [Fact]
    public void Parameters_are_described_as_the_kernel_declares_them()
    {
        using var device = new EmulatedDevice(emulator);
        nint k = device.Kernel("extern \"C\" __global__ void k(const float* x, int n, double d, char c, long long l) { }", "k");
        var found = new List<(nuint, nuint)>();
        for (nuint i = 0; Cu.cuFuncGetParamInfo(k, i, out nuint offset, out nuint size) == 0; i++)
            found.Add((offset, size));
        Assert.Equal([(0, 8), (8, 4), (16, 8), (24, 1), (32, 8)], found);
    }

    [Fact]
    public void A_compiled_source_is_kept_and_not_compiled_again()
    {
        emulator.BeginEmulated("cache");
        string source = $"extern \"C\" __global__ void k(float* x) {{ x[0] = {Environment.TickCount64 % 100000}; }}";
        Assert.Equal(0, EmulatedDevice.TryCompile(source).Status);
        Assert.Equal(0, EmulatedDevice.TryCompile(source).Status);
        Assert.Equal((1UL, 1UL), (emulator.Counter("compiles"), emulator.Counter("compiles_cached")));
    }
}
