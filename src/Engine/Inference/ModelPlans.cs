using Graft.Layers;
using Graft.Training;

namespace Graft.Inference;

/// <summary>The plans that a model keeps for itself: one for inference, one for what is frozen while it trains. They share their memory.</summary>
internal sealed class ModelPlans(Model model) : IDisposable
{
    private PlanMemory? _memory;
    private InferencePlan? _inference, _training;
    private PlanOptions _options = PlanOptions.Default;
    private bool[] _trainable = [];

    /// <summary>Held while a plan is made, and while it runs until its results are read.</summary>
    public Lock Lock { get; } = new();

    /// <summary>What is allowed; setting it drops the plans.</summary>
    public PlanOptions Options
    {
        get => _options;
        set
        {
            Dispose();
            _options = value;
        }
    }

    /// <summary>The plan of the whole model; null where there shall be none.</summary>
    public InferencePlan? ForInference()
    {
        if (!IsPossible)
            return null;
        lock (Lock)
        {
            Follow();
            return _inference ??= new InferencePlan(model, training: false, _options, Memory());
        }
    }

    /// <summary>The plan of what is frozen in a training step; null where there shall be none.</summary>
    public InferencePlan? ForTraining()
    {
        if (!IsPossible)
            return null;
        lock (Lock)
        {
            Follow();
            return _training ??= new InferencePlan(model, training: true, _options, Memory());
        }
    }

    /// <summary>The memory that the plans hold now.</summary>
    public IEnumerable<HeldTensor> Held(IReadOnlyDictionary<Tensor, string> kernels) => _memory?.Held(kernels) ?? [];

    /// <summary>Gives all memory back; the next use compiles anew.</summary>
    public void Dispose()
    {
        DropPlans();
        _memory?.Dispose();
        _memory = null;
    }

    private bool IsPossible => _options.IsEnabled && !model.IsDynamic;

    /// <summary>
    /// The boundary between what is frozen and what is trained lies elsewhere when the flag of a layer or a parameter has changed; the weights do when another model that has the same layers was moved.
    /// </summary>
    private void Follow()
    {
        if (_memory is not null && _memory.Device != model.Device)
            Dispose();
        List<bool> flags = [];
        Collect(model, flags);
        bool[] trainable = [.. flags];
        if (trainable.AsSpan().SequenceEqual(_trainable))
            return;
        DropPlans(); // packed weights stay where the next plans use them
        _trainable = trainable;
    }

    private void DropPlans()
    {
        _inference?.Dispose();
        _training?.Dispose();
        (_inference, _training) = (null, null);
    }

    private PlanMemory Memory() => _memory ??= new PlanMemory(model.Device);

    private static void Collect(Layer layer, List<bool> flags)
    {
        foreach (Layer inner in layer.Inner)
            Collect(inner, flags);
        flags.Add(layer.OwnTrainable);
        foreach (Parameter parameter in layer.OwnParameters)
            flags.Add(parameter.Trainable);
    }
}
