using Graft.Kernels;

namespace Graft.Inference;

/// <summary>Frozen weights in the order of a convolution algorithm; packed anew when a tensor behind them has changed.</summary>
internal sealed class PackedConv(FrozenWeights weights, ConvAlgorithm algorithm) : PackedWeights
{
    private readonly Tensor[] _sources = [.. weights.Sources()];
    private int[]? _versions;
    private Tensor? _packed, _bias;

    /// <summary>The packed weights.</summary>
    public DevicePtr<float> Weights => _packed!.Data;

    /// <summary>[O], or Null.</summary>
    public DevicePtr<float> Bias => _bias?.Data ?? weights.Bias?.Data ?? DevicePtr<float>.Null;

    public override Tensor Kernel => weights.Kernel;

    public override Tensor? Packed => _packed;

    public override long Bytes => _packed?.Bytes ?? 0;

    public override void Refresh()
    {
        if (IsCurrent())
            return;
        Device device = weights.Kernel.Device;
        FusedConv2DKernels kernels = device.Kernels.FusedConv2D;
        FusedConv2DGeometry g = weights.PackingGeometry();
        _packed ??= Tensor.Allocate(device, new Shape(checked((int)kernels.PackedSize(g, algorithm))));
        if (weights.BatchNorm is not { } norm)
        {
            kernels.Pack(g, algorithm, weights.Kernel.Data, _packed.Data);
        }
        else
        {
            (float[] kernel, float[] bias) = weights.Fold(norm);
            Tensor folded = Tensor.From(device, weights.Kernel.Shape, kernel);
            kernels.Pack(g, algorithm, folded.Data, _packed.Data);
            folded.Release();
            _bias ??= Tensor.Allocate(device, new Shape(bias.Length));
            _bias.Set(bias);
        }
        _versions = Array.ConvertAll(_sources, s => s.Version);
    }

    public override void Dispose()
    {
        _packed?.Release();
        _bias?.Release();
        (_packed, _bias, _versions) = (null, null, null);
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
