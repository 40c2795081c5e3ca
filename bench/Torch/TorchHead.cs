using Graft.Bench.Quick;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace Graft.Bench.Torch;

/// <summary>The head of <see cref="HeadStep"/> in libtorch, from the same weights, on the same batches in the same order.</summary>
internal sealed class TorchHead : IDisposable
{
    private readonly torch.Tensor _samples, _labels;
    private readonly Parameter[] _parameters;
    private readonly torch.optim.Optimizer _optimizer;

    public TorchHead(HeadStep of)
    {
        _samples = torch.tensor(of.Samples, [of.Labels.Length, HeadStep.Features]);
        _labels = torch.tensor(of.Labels, [of.Labels.Length, 1]);
        _parameters = [.. of.Parameters.Select(InTorch)];
        _optimizer = torch.optim.RMSProp(_parameters, HeadStep.Rate, alpha: HeadStep.Rho, eps: HeadStep.Epsilon);
    }

    /// <summary>One epoch.</summary>
    public void Train()
    {
        long count = _samples.shape[0];
        for (long from = 0; from < count; from += HeadStep.BatchSize)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            long size = Math.Min(HeadStep.BatchSize, count - from);
            _optimizer.zero_grad();
            torch.Tensor loss = functional.binary_cross_entropy(Forward(_samples.narrow(0, from, size)), _labels.narrow(0, from, size));
            loss.backward();
            _optimizer.step();
        }
    }

    /// <summary>Outputs of the first batch.</summary>
    public float[] Output()
    {
        using var noGradients = torch.no_grad();
        using DisposeScope scope = torch.NewDisposeScope();
        return Forward(_samples.narrow(0, 0, HeadStep.BatchSize)).data<float>().ToArray();
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        foreach (Parameter p in _parameters)
            p.Dispose();
        _samples.Dispose();
        _labels.Dispose();
    }

    private torch.Tensor Forward(torch.Tensor x) =>
        functional.linear(functional.linear(x, _parameters[0], _parameters[1]).relu(), _parameters[2], _parameters[3]).sigmoid();

    /// <summary>A kernel [in,out] becomes libtorch's [out,in]; a bias stays.</summary>
    private static Parameter InTorch(Layers.Parameter parameter)
    {
        using torch.Tensor values = torch.tensor(parameter.Value.ToArray(), [.. parameter.Shape.Select(d => (long)d)]);
        return new Parameter(values.dim() == 2 ? values.t().contiguous() : values.clone());
    }
}
