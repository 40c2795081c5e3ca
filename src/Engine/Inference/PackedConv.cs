using Graft.Kernels;

namespace Graft.Inference;

/// <summary>
/// Frozen weights in the order of a convolution algorithm, or in a plan of 16 bits rounded to them as they lie; packed anew when a tensor behind them has changed.
/// </summary>
internal sealed class PackedConv(FrozenWeights weights, ConvAlgorithm algorithm, KernelSet kernels) : PackedWeights
{
    private readonly Tensor[] _sources = [.. weights.Sources()];
    private int[]? _versions;
    private Tensor? _packed, _bias, _narrowBias;

    /// <summary>The packed weights.</summary>
    public DevicePtr<float> Weights => _packed!.Data;

    /// <summary>The weights of 16 bits.</summary>
    public DevicePtr<ushort> Narrow => new(_packed!.Data.Address);

    /// <summary>[O], or Null.</summary>
    public DevicePtr<float> Bias => _bias?.Data ?? weights.Bias?.Data ?? DevicePtr<float>.Null;

    /// <summary>The bias of 16 bits, or Null.</summary>
    public DevicePtr<ushort> NarrowBias => _narrowBias is null ? DevicePtr<ushort>.Null : new(_narrowBias.Data.Address);

    public override Tensor Kernel => weights.Kernel;

    public override Tensor? Packed => _packed;

    public override long Bytes => _packed?.Bytes ?? 0;

    public override void Refresh()
    {
        if (IsCurrent())
            return;
        Device device = weights.Kernel.Device;
        if (weights.BatchNorm is not { } norm)
        {
            Pack(weights.Kernel);
        }
        else
        {
            (float[] kernel, float[] bias) = weights.Fold(norm);
            Tensor folded = Tensor.From(device, weights.Kernel.Shape, kernel);
            Pack(folded);
            folded.Release();
            _bias ??= Tensor.Allocate(device, new Shape(bias.Length));
            _bias.Set(bias);
        }
        if (kernels.Precision.IsNarrow() && (_bias ?? weights.Bias) is { } b)
        {
            _narrowBias ??= RoundedDense.Allocate(b);
            kernels.Narrow.Round(b.Data, NarrowBias, b.Count);
        }
        _versions = Array.ConvertAll(_sources, s => s.Version);
    }

    public override void Dispose()
    {
        _packed?.Release();
        _bias?.Release();
        _narrowBias?.Release();
        (_packed, _bias, _narrowBias, _versions) = (null, null, null, null);
    }

    private void Pack(Tensor kernel)
    {
        if (kernels.Precision.IsNarrow())
        {
            _packed ??= RoundedDense.Allocate(kernel);
            kernels.Narrow.Round(kernel.Data, Narrow, kernel.Count);
            return;
        }
        FusedConv2DGeometry g = weights.PackingGeometry();
        _packed ??= Tensor.Allocate(kernel.Device, new Shape(checked((int)kernels.FusedConv2D.PackedSize(g, algorithm))));
        kernels.FusedConv2D.Pack(g, algorithm, kernel.Data, _packed.Data);
    }

    private bool IsCurrent()
    {
        for (int i = 0; i < _sources.Length; i++)
        {
            if (_versions is null || _sources[i].Version != _versions[i])
                return false;
        }
        return true;
    }
}
