using Graft.Kernels;

namespace Graft.Inference;

/// <summary>A dense weight [in,out] and its bias [out] rounded to 16 bits, in the order in which they are.</summary>
internal sealed class RoundedDense(Tensor kernel, Tensor? bias, NarrowKernels kernels) : PackedWeights
{
    private Tensor? _packed, _bias;
    private int _version = -1, _biasVersion = -1;

    public override Tensor Kernel => kernel;

    public override Tensor? Packed => _packed;

    public override long Bytes => (_packed?.Bytes ?? 0) + (_bias?.Bytes ?? 0);

    /// <summary>[in,out].</summary>
    public DevicePtr<ushort> Weights => new(_packed!.Data.Address);

    /// <summary>[out], or Null.</summary>
    public DevicePtr<ushort> Bias => _bias is null ? DevicePtr<ushort>.Null : new(_bias.Data.Address);

    /// <summary>Room for the numbers of a tensor in 16 bits.</summary>
    public static Tensor Allocate(Tensor tensor) => Tensor.Allocate(tensor.Device, new Shape(checked((int)((tensor.Count + 1) / 2))));

    public override void Refresh()
    {
        Refresh(kernel, ref _packed, ref _version);
        if (bias is not null)
            Refresh(bias, ref _bias, ref _biasVersion);
    }

    public override void Dispose()
    {
        _packed?.Release();
        _bias?.Release();
        (_packed, _bias, _version, _biasVersion) = (null, null, -1, -1);
    }

    private void Refresh(Tensor source, ref Tensor? rounded, ref int version)
    {
        if (rounded is not null && version == source.Version)
            return;
        rounded ??= Allocate(source);
        kernels.Round(source.Data, new DevicePtr<ushort>(rounded.Data.Address), source.Count);
        version = source.Version;
    }
}
