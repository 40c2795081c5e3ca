using Graft.Kernels;

namespace Graft.Ops;

/// <summary>One forward run of an op on numbers of 16 bits, in an inference plan or on a tape.</summary>
/// <param name="kernels">The routines.</param>
/// <param name="shapes">Of the inputs.</param>
/// <param name="inputs">Addresses of the inputs: of 16 bits, or float32 where <see cref="Op.ReadsNarrow"/> says so.</param>
/// <param name="shape">Of the output.</param>
/// <param name="output">Its address.</param>
internal sealed class NarrowCall(NarrowKernels kernels, Shape[] shapes, nint[] inputs, Shape shape, nint output)
{
    public NarrowKernels Kernels => kernels;

    public int InputCount => inputs.Length;

    public Shape OutputShape => shape;

    public DevicePtr<ushort> Output => new(output);

    public Shape Shape(int index) => shapes[index];

    public DevicePtr<ushort> In(int index) => new(inputs[index]);

    public DevicePtr<float> Float32(int index) => new(inputs[index]);
}
