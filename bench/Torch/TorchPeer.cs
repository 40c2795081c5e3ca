using Graft.Bench.Suite;
using TorchSharp;

namespace Graft.Bench.Torch;

/// <summary>One op in libtorch: inputs as Graft has them, images put into planes.</summary>
internal sealed class TorchPeer
{
    private readonly List<torch.Tensor> _inputs = [];
    private torch.Tensor? _last;

    /// <summary>An input in Graft's order; images [N,H,W,C] become planes.</summary>
    public torch.Tensor Image(Shape shape, float[] values) => Keep(Plain(shape, values).permute(0, 3, 1, 2).contiguous());

    /// <summary>An input of the shape that Graft has.</summary>
    public torch.Tensor Plain(Shape shape, float[] values) => Keep(torch.tensor(values, [.. shape.Select(d => (long)d)]));

    /// <summary>Whole numbers.</summary>
    public torch.Tensor Ids(int[] values) => Keep(torch.tensor([.. values.Select(v => (long)v)]));

    /// <summary>The op over those inputs.</summary>
    /// <param name="compute">One run, without gradients.</param>
    /// <param name="isImage">True where the result comes in planes.</param>
    public Peer Open(Func<torch.Tensor> compute, bool isImage = false) => new(() => Run(compute), () => Output(isImage), Dispose);

    private torch.Tensor Keep(torch.Tensor tensor)
    {
        _inputs.Add(tensor);
        return tensor;
    }

    private void Run(Func<torch.Tensor> compute)
    {
        using var noGradients = torch.no_grad();
        using DisposeScope scope = torch.NewDisposeScope();
        torch.Tensor result = compute().MoveToOuterDisposeScope();
        _last?.Dispose();
        _last = result;
    }

    private float[] Output(bool isImage)
    {
        using torch.Tensor order = isImage ? _last!.permute(0, 2, 3, 1).contiguous() : _last!.contiguous();
        return order.data<float>().ToArray();
    }

    private void Dispose()
    {
        _last?.Dispose();
        foreach (torch.Tensor input in _inputs)
            input.Dispose();
    }
}
