namespace Graft.Inference;

/// <summary>The plans that a model keeps for itself: one for inference, one for what is frozen while it trains. They share their memory.</summary>
internal sealed class ModelPlans(Model model) : IDisposable
{
    private PlanMemory? _memory;
    private InferencePlan? _inference, _training;
    private PlanOptions _options = PlanOptions.Default;
    private bool[] _trainable = [];

    /// <summary>Held while a plan runs and until its results are read.</summary>
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
        if (!_options.IsEnabled || model.Inputs.Count != 1 || model.Outputs.Count != 1)
            return null;
        return _inference ??= new InferencePlan(model, training: false, _options, Memory());
    }

    /// <summary>The schedule of what is frozen in a training step; null where that is nothing.</summary>
    public Schedule? ForTraining(int count, int typicalBatch)
    {
        if (!_options.IsEnabled || model.Inputs.Count != 1 || model.Outputs.Count != 1)
            return null;
        bool[] trainable = [.. Trainables(model)];
        if (!trainable.AsSpan().SequenceEqual(_trainable))
        {
            _training?.Dispose();
            _training = null;
            _trainable = trainable;
        }
        _training ??= new InferencePlan(model, training: true, _options, Memory());
        Schedule schedule = _training.Prepare(count, typicalBatch);
        return schedule.HasWork ? schedule : null;
    }

    /// <summary>Gives all memory back; the next use compiles anew.</summary>
    public void Dispose()
    {
        _inference?.Dispose();
        _training?.Dispose();
        _memory?.Dispose();
        (_inference, _training, _memory) = (null, null, null);
    }

    private PlanMemory Memory()
    {
        if (_memory is not null && _memory.Device != model.Device)
            Dispose();
        return _memory ??= new PlanMemory(model.Device);
    }

    private static IEnumerable<bool> Trainables(Model m) => m.Layers.SelectMany(l => l is Model inner ? Trainables(inner) : [l.Trainable]);
}
