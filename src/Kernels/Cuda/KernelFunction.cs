using System.Globalization;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>A kernel of one of the embedded .cu files, compiled and loaded at its first launch.</summary>
/// <param name="context">The GPU.</param>
/// <param name="file">The file: "Softmax.cu".</param>
/// <param name="name">The kernel's name.</param>
internal sealed unsafe class KernelFunction(CudaContext context, string file, string name)
{
    /// <summary>Threads of a block, where a kernel does not say otherwise.</summary>
    public const int Threads = 256;

    private const int MostArguments = 24;
    private const int BlocksOfProcessor = 64; // of a grid that walks in strides: eight times what a multiprocessor holds at once, so that none waits long for the last
    private const int SharedBytesUnasked = 48 << 10; // of a block; more has to be asked for

    private const int Hopper = 90; // compute capability of the first that chains kernels
    private const int ChainingDriver = 12030; // the first whose graphs hold chained kernels

    private CUfunction _function;

    /// <summary>Bytes of dynamic shared memory that each block has, where the launch does not decide it.</summary>
    public int SharedBytes { get; init; }

    /// <summary>The kernel that was launched last; for messages.</summary>
    public static string? Last { get; private set; }

    /// <summary>Launches over elements, each thread walking in strides of the grid; no elements, no launch.</summary>
    public void Over(long count, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (count > 0)
            Launch(Math.Min((count + Threads - 1) / Threads, (long)BlocksOfProcessor * Math.Max(1, context.Info.Multiprocessors)), Threads, arguments);
    }

    /// <summary>Launches so many threads, each with a share of its own; in smaller blocks where they are few, so that every multiprocessor has some of them.</summary>
    public void OverThreads(long threads, params ReadOnlySpan<KernelArgument> arguments)
    {
        long processors = Math.Max(1, context.Info.Multiprocessors);
        int block = threads >= 4 * Threads * processors ? Threads : threads >= Threads * processors ? Threads / 2 : Threads / 4;
        Launch((threads + block - 1) / block, block, arguments);
    }

    /// <summary>Launches blocks of threads; no blocks, no launch.</summary>
    /// <exception cref="CudaException">The launch was refused, or the arguments are not those of the kernel.</exception>
    public void Launch(long blocks, int threads, params ReadOnlySpan<KernelArgument> arguments) => Launch(blocks, 1, threads, 1, arguments);

    /// <summary>The same with a grid and blocks of two axes.</summary>
    /// <param name="blocksX">Blocks along x, at most 2^31 - 1.</param>
    /// <param name="blocksY">Blocks along y, at most 65535.</param>
    /// <param name="threadsX">Threads of a block along x.</param>
    /// <param name="threadsY">Threads of a block along y.</param>
    /// <param name="arguments">In the order of the kernel.</param>
    public void Launch(long blocksX, int blocksY, int threadsX, int threadsY, params ReadOnlySpan<KernelArgument> arguments) =>
        Launch(blocksX, blocksY, threadsX, threadsY, SharedBytes, false, arguments);

    /// <summary>
    /// The same for a kernel that calls await_previous (Common.cuh): where GPU and driver can, it begins while the kernel before it on the stream still runs.
    /// </summary>
    /// <param name="blocksX">Blocks along x.</param>
    /// <param name="blocksY">Blocks along y.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="sharedBytes">Bytes of shared memory whose size the launch decides.</param>
    /// <param name="isChained">False launches it plainly, after all that was handed in before.</param>
    /// <param name="arguments">In the order of the kernel.</param>
    public void LaunchChained(long blocksX, int blocksY, int threads, int sharedBytes, bool isChained, params ReadOnlySpan<KernelArgument> arguments) =>
        Launch(blocksX, blocksY, threads, 1, sharedBytes, isChained && context.Options.ChainsKernels && context.Info.Capability >= Hopper && NativeLibraries.OfProcess.DriverVersion >= ChainingDriver, arguments);

    private void Launch(long blocksX, int blocksY, int threadsX, int threadsY, int sharedBytes, bool isChained, ReadOnlySpan<KernelArgument> arguments)
    {
        if (blocksX == 0 || blocksY == 0)
            return;
        context.Use();
        if (_function == default)
            _function = Load(arguments);
        void** addresses = stackalloc void*[MostArguments];
        CUresult status;
        fixed (KernelArgument* first = arguments)
        {
            for (int i = 0; i < arguments.Length; i++)
                addresses[i] = KernelArgument.ValueOf(first + i);
            uint x = checked((uint)blocksX);
            if (isChained)
            {
                var attribute = new CUlaunchAttribute { Id = CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION, Value = 1 };
                var configuration = new CUlaunchConfig
                {
                    GridX = x, GridY = (uint)blocksY, GridZ = 1, BlockX = (uint)threadsX, BlockY = (uint)threadsY, BlockZ = 1, SharedBytes = (uint)sharedBytes,
                    Stream = context.Stream.Handle, Attributes = &attribute, AttributeCount = 1,
                };
                status = Driver.cuLaunchKernelEx(&configuration, _function, addresses, null);
            }
            else
            {
                status = Driver.cuLaunchKernel(_function, x, (uint)blocksY, 1, (uint)threadsX, (uint)threadsY, 1, (uint)sharedBytes, context.Stream.Handle, addresses, null);
            }
        }
        Last = name;
        if (status == CUresult.CUDA_SUCCESS && context.Options.Synchronizes)
            status = Driver.cuStreamSynchronize(context.Stream.Handle);
        if (status != CUresult.CUDA_SUCCESS)
            Check.Ok(status, string.Create(CultureInfo.InvariantCulture, $"cuLaunchKernel({name} of {file}, grid {blocksX}x{blocksY}, block {threadsX}x{threadsY})"));
    }

    /// <summary>Gets the kernel, and compares the arguments with its parameters where the driver tells them (since 12.4): a wrong one would be read as garbage in silence.</summary>
    private CUfunction Load(ReadOnlySpan<KernelArgument> arguments)
    {
        if (arguments.Length > MostArguments)
            throw new CudaException($"Kernel {name} of {file}: {arguments.Length} arguments, but at most {MostArguments} are supported.");
        CUfunction function = context.Modules.Get(file, name);
        if (SharedBytes > SharedBytesUnasked)
            Check.Ok(Driver.cuFuncSetAttribute(function, CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, SharedBytes));
        if (!NativeLibraries.OfProcess.Exports(NativeLibraries.Driver, nameof(Driver.cuFuncGetParamInfo)))
            return function;
        for (int i = 0; i <= arguments.Length; i++)
        {
            bool exists = Driver.cuFuncGetParamInfo(function, (nuint)i, out _, out nuint size) == CUresult.CUDA_SUCCESS;
            if (exists != i < arguments.Length)
                throw new CudaException($"Kernel {name} of {file} takes {(exists ? "more" : "fewer")} than the {arguments.Length} arguments that it is given.");
            if (exists && (int)size != arguments[i].Size)
                throw new CudaException($"Kernel {name} of {file}: parameter {i} has {size} bytes, but the argument has {arguments[i].Size}.");
        }
        return function;
    }
}
