namespace Graft.Autograd;

/// <summary>The gradients known so far in one backward pass.</summary>
internal sealed class GradientTable
{
    private readonly Dictionary<Tensor, Tensor> _gradients = [];

    public Tensor Of(Tensor tensor) => _gradients[tensor];

    public Tensor? Find(Tensor tensor) => _gradients.GetValueOrDefault(tensor);

    /// <summary>The gradient of a tensor for one more contribution: beta 0 for the first (write), 1 after (add).</summary>
    public (Tensor Gradient, float Beta) Contribute(Tensor tensor)
    {
        if (_gradients.TryGetValue(tensor, out Tensor? gradient))
            return (gradient, 1);
        gradient = Tensor.Allocate(tensor.Device, tensor.Shape);
        _gradients.Add(tensor, gradient);
        return (gradient, 0);
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
    }
}
