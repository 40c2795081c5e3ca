using Graft.Kernels;
using Graft.Ops;

namespace Graft.Autograd;

/// <summary>The gradients known so far in one backward pass.</summary>
internal sealed class GradientTable
{
    private readonly Dictionary<Tensor, Tensor> _gradients = [];
    private readonly Dictionary<Tensor, DeferredGradient> _deferred = [];

    /// <summary>Gradients that are left to the optimizer.</summary>
    public IEnumerable<DeferredGradient> Deferred => _deferred.Values;

    public Tensor Of(Tensor tensor) => _gradients[tensor];

    public Tensor? Find(Tensor tensor) => _gradients.GetValueOrDefault(tensor);

    /// <summary>The gradient of a tensor, of its type, for one more contribution: beta 0 for the first (write), 1 after (add).</summary>
    public (Tensor Gradient, float Beta) Contribute(Tensor tensor)
    {
        if (!_gradients.TryGetValue(tensor, out Tensor? gradient))
        {
            gradient = Tensor.Allocate(tensor.Device, tensor.Shape, tensor.Type);
            _gradients.Add(tensor, gradient);
            return (gradient, 0);
        }
        return (Own(tensor), 1);
    }

    /// <summary>The gradient of a tensor in memory of its own: copied where another's is the same memory.</summary>
    public Tensor Own(Tensor tensor)
    {
        Tensor gradient = _gradients[tensor];
        if (!gradient.IsShared)
            return gradient;
        Tensor own = gradient.Copy();
        gradient.Release();
        return _gradients[tensor] = own;
    }

    /// <summary>
    /// Makes the gradient of <paramref name="input"/> that of <paramref name="output"/>, in the same memory, where it is the first contribution; false
    /// where there is one already, or numbers of another type.
    /// </summary>
    public bool TryShare(Tensor output, Tensor input)
    {
        if (_gradients.ContainsKey(input) || output.Type != input.Type)
            return false;
        _gradients.Add(input, _gradients[output].View(input.Shape));
        return true;
    }

    /// <summary>Makes the memory of a tensor that of its gradient, where there is none yet; false where there is.</summary>
    public bool TryTakeOver(Tensor tensor)
    {
        if (_gradients.ContainsKey(tensor))
            return false;
        _gradients.Add(tensor, tensor.HandOver());
        return true;
    }

    /// <summary>Leaves the gradient of a weight to the optimizer; no contribution may come before or after.</summary>
    public void Defer(Tensor weight, OpCall call, DenseGeometry geometry, Tensor input) =>
        _deferred.Add(weight, new DeferredGradient(call, geometry, input, _gradients[call.Output].View(call.Output.Shape)));

    /// <summary>The gradient that is left to the optimizer; null where there is none.</summary>
    public DeferredGradient? FindDeferred(Tensor weight) => _deferred.GetValueOrDefault(weight);

    /// <summary>True where the gradient of this call's weight is left to the optimizer.</summary>
    public bool Defers(OpCall call)
    {
        foreach (DeferredGradient deferred in _deferred.Values)
        {
            if (deferred.Call == call)
                return true;
        }
        return false;
    }

    /// <summary>True where a gradient that is left to the optimizer will be made of this tensor.</summary>
    public bool IsRead(Tensor input)
    {
        foreach (DeferredGradient deferred in _deferred.Values)
        {
            if (deferred.Input == input)
                return true;
        }
        return false;
    }

    public void Release(Tensor tensor)
    {
        if (_gradients.Remove(tensor, out Tensor? gradient))
            gradient.Release();
    }

    public void Clear()
    {
        foreach (Tensor gradient in _gradients.Values)
            gradient.Release();
        _gradients.Clear();
        foreach (DeferredGradient deferred in _deferred.Values)
            deferred.OutputGradient.Release();
        _deferred.Clear();
    }
}
