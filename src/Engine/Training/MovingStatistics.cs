using Graft.Layers;

namespace Graft.Training;

/// <summary>
/// The statistics that a step's forward pass moves (BatchNormalization's), as they were before the step: where the step is not finished they are put back. They are
/// copied within the device, into one block that is kept from step to step, so that the host waits for nothing.
/// </summary>
internal sealed class MovingStatistics : IDisposable
{
    private Parameter[] _moved = [];
    private Tensor? _before;

    /// <summary>Notes the statistics of all layers that train now.</summary>
    public void Take(Model model)
    {
        _moved = [.. WeightSnapshot.Moving(model).Where(p => p.IsStatistic)];
        long count = _moved.Sum(p => p.Value.Count);
        if (count == 0)
            return;
        if (_before is null || _before.Count < count || _before.Device != model.Device)
        {
            Dispose();
            _before = Tensor.Allocate(model.Device, new Shape(checked((int)count)));
        }
        model.Device.Kernels.Memory.CopyTogether(Array.ConvertAll(_moved, p => (p.Value.Data, p.Value.Count)), _before.Data);
    }

    /// <summary>Brings them back.</summary>
    public void PutBack()
    {
        long at = 0;
        foreach (Parameter p in _moved)
        {
            p.Device.Kernels.Memory.Copy(_before!.Data.At(at), p.Value.Data, p.Value.Count);
            p.Value.MarkChanged();
            at += p.Value.Count;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _before?.Release();
        _before = null;
    }
}
