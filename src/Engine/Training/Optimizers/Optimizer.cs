using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;

namespace Graft.Training;

/// <summary>
/// Moves parameters against their gradients. What it remembers of a parameter (its slots) is made when the parameter is
/// first moved, and given back by <see cref="Dispose"/>. Update rules and defaults are those of Keras 3.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private const int LowBits = 20; // of the step counter: a float holds whole numbers exactly up to 2^24

    private readonly Dictionary<Parameter, Tensor[]> _slots = [];
    private LearningRateSchedule _schedule;

    private protected Optimizer(LearningRateSchedule schedule) => _schedule = schedule;

    /// <summary>Keras's name: "adam".</summary>
    public abstract string Name { get; }

    /// <summary>Number of steps done.</summary>
    public long Iterations { get; private set; }

    /// <summary>Rate of the next step. It can be set only where it is a number, not a schedule.</summary>
    /// <exception cref="GraftException">Set while a schedule decides.</exception>
    public float LearningRate
    {
        get => _schedule.At(Iterations);
        set
        {
            RequireNumber();
            _schedule = value;
        }
    }

    /// <summary>What gradients are divided by, where a training in fp16 scales its loss; null where it never did.</summary>
    public LossScale? LossScale { get; internal set; }

    /// <summary>Each gradient whose norm is larger is scaled down to this norm, by itself.</summary>
    /// <exception cref="GraftException">It is not above 0.</exception>
    public float? ClipNorm { get; init => field = Limit(value, nameof(ClipNorm)); }

    /// <summary>Each number of a gradient is brought into plus and minus this.</summary>
    /// <exception cref="GraftException">It is not above 0.</exception>
    public float? ClipValue { get; init => field = Limit(value, nameof(ClipValue)); }

    /// <summary>All gradients are scaled down together where their common norm is larger.</summary>
    /// <exception cref="GraftException">It is not above 0.</exception>
    public float? GlobalClipNorm { get; init => field = Limit(value, nameof(GlobalClipNorm)); }

    /// <summary>
    /// What the learning rate is multiplied by for a parameter; null for 1. With it the layers of a pretrained base move more gently than a new head (discriminative
    /// rates, what groups of parameters are for in PyTorch): <c>p => p.LayerName == "predictions" ? 1 : 0.1f</c>. It is asked at every step; 0 leaves the parameter where it is.
    /// </summary>
    public Func<Parameter, float>? LearningRateFactor { get; init; }

    /// <summary>What decides the learning rate.</summary>
    internal LearningRateSchedule Schedule
    {
        get => _schedule;
        set => _schedule = value;
    }

    /// <summary>The model that it is compiled into, whose weights the slots and the steps are of; null for none.</summary>
    internal Model? Owner { get; private set; }

    /// <summary>Names of the slots of a parameter, as Keras has them.</summary>
    private protected abstract string[] SlotNames { get; }

    /// <summary>What is remembered of each parameter, by Keras's names: "momentum", "velocity". <see cref="ExportState"/> puts them behind a parameter's path.</summary>
    public IReadOnlyList<string> SlotKinds => SlotNames;

    /// <summary>What slots are filled with at first.</summary>
    private protected virtual float SlotStart => 0;

    /// <summary>What a slot holds before the first step.</summary>
    internal float FirstSlotValue => SlotStart;

    /// <summary>An optimizer by name: sgd, rmsprop, adam, adamw, adamax, nadam, adagrad or adadelta.</summary>
    /// <param name="name">Its name, in any case.</param>
    /// <param name="learningRate">Null for the optimizer's default.</param>
    /// <exception cref="GraftException">There is no such optimizer.</exception>
    public static Optimizer Create(string name, float? learningRate = null) => Create(name, learningRate is float rate ? LearningRateSchedule.FromSingle(rate) : null, globalClipNorm: null, weightDecay: null);

    /// <summary>An optimizer by name that follows a schedule and clips gradients.</summary>
    /// <param name="name">Its name, in any case.</param>
    /// <param name="schedule">The learning rate; null for the optimizer's default.</param>
    /// <param name="globalClipNorm">For <see cref="GlobalClipNorm"/>.</param>
    /// <param name="weightDecay">For <see cref="AdamW"/> alone, which then leaves biases and normalisations out; null for its own, of everything.</param>
    /// <exception cref="GraftException">There is no such optimizer, or it has no weight decay.</exception>
    public static Optimizer Create(string name, LearningRateSchedule? schedule, float? globalClipNorm, float? weightDecay) => (name.ToUpperInvariant(), weightDecay) switch
    {
        ("ADAMW", float decay) => new AdamW(schedule, decay) { GlobalClipNorm = globalClipNorm, Decays = AdamW.AllButBiasesAndNorms },
        (_, not null) => throw new GraftException($"Weight decay is for adamw; {name} has none."),
        ("SGD", _) => new Sgd(schedule) { GlobalClipNorm = globalClipNorm },
        ("RMSPROP", _) => new RMSprop(schedule) { GlobalClipNorm = globalClipNorm },
        ("ADAM", _) => new Adam(schedule) { GlobalClipNorm = globalClipNorm },
        ("ADAMW", _) => new AdamW(schedule) { GlobalClipNorm = globalClipNorm },
        ("ADAMAX", _) => new Adamax(schedule) { GlobalClipNorm = globalClipNorm },
        ("NADAM", _) => new Nadam(schedule) { GlobalClipNorm = globalClipNorm },
        ("ADAGRAD", _) => new Adagrad(schedule) { GlobalClipNorm = globalClipNorm },
        ("ADADELTA", _) => new Adadelta(schedule) { GlobalClipNorm = globalClipNorm },
        _ => throw new GraftException($"Unknown optimizer '{name}'; there are sgd, rmsprop, adam, adamw, adamax, nadam, adagrad and adadelta."),
    };

    /// <summary>One step: all parameters in one pass. The gradients stay as they are, clipped or not.</summary>
    /// <exception cref="GraftException">More than one kind of clipping is set.</exception>
    public void Apply(IReadOnlyList<(Parameter Parameter, Tensor Gradient)> gradients) => Apply(gradients, null);

    /// <summary>One step by the gradients that a backward pass found, for training loops of your own: of the parameters that are trainable and that a gradient reached, each once.</summary>
    /// <param name="tape">The tape that ran backward.</param>
    /// <param name="parameters">A model's <see cref="Layer.Parameters"/>, or some of them.</param>
    /// <exception cref="GraftException">No gradient reached any of them, or more than one kind of clipping is set.</exception>
    public void Apply(Tape tape, IEnumerable<Parameter> parameters)
    {
        ParameterGradient[] gradients = [.. parameters.Where(p => p.IsTrainable).Distinct().Select(p => ParameterGradient.Of(p, tape)).OfType<ParameterGradient>()];
        if (gradients.Length == 0)
            throw new GraftException($"{Name}: no gradient reached any trainable parameter. Run the model on a tape with Training = true, then tape.Backward(loss), then Apply.");
        Apply(gradients, null);
    }

    /// <summary>The same for gradients of a loss that was multiplied by <paramref name="scale"/>. Where one of them is not finite, nothing moves and the scale is halved.</summary>
    /// <returns>False where nothing moved.</returns>
    internal bool Apply(IReadOnlyList<(Parameter Parameter, Tensor Gradient)> gradients, LossScale? scale) =>
        Apply([.. gradients.Select(g => new ParameterGradient(g.Parameter, g.Gradient.Data))], scale);

    /// <summary>True where a gradient is needed element by element alone: then it need not be in memory. A loss scale looks at all of it first.</summary>
    internal virtual bool TakesProducts => ClipNorm is null && GlobalClipNorm is null;

    /// <summary>The same with gradients that may be products, where <see cref="TakesProducts"/> and there is no <paramref name="scale"/>.</summary>
    internal bool Apply(ParameterGradient[] gradients, LossScale? scale)
    {
        CheckClipping();
        if (gradients.Length > 0)
        {
            int decayed = gradients.Count(g => IsDecayed(g.Parameter));
            if (decayed < gradients.Length)
                gradients = [.. gradients.OrderBy(g => !IsDecayed(g.Parameter))];
            float[]? factors = LearningRateFactor is { } factor ? FactorsOf(gradients, factor) : null;
            var tensors = new StepTensor[gradients.Length];
            for (int i = 0; i < tensors.Length; i++)
            {
                (Parameter parameter, DevicePtr<float> gradient, GradientProduct product) = gradients[i];
                tensors[i] = Operands(parameter.Value, gradient, SlotsOf(parameter)) with { Product = product };
            }
            KernelSet kernels = gradients[0].Parameter.Device.Kernels;
            double[]? squares = scale is not null || ClipNorm is not null || GlobalClipNorm is not null ? new double[tensors.Length] : null;
            if (squares is not null)
                kernels.Gradient.SumsOfSquares(tensors, squares); // in double: no finite gradient makes an infinite sum
            if (scale is not null)
            {
                bool isFinite = double.IsFinite(squares!.Sum());
                float unscaled = 1 / scale.Value;
                scale.Note(isFinite);
                if (!isFinite)
                    return false;
                tensors = Array.ConvertAll(tensors, t => t with { Factor = unscaled });
            }
            Clip(tensors, squares);
            kernels.Gradient.PrepareProducts(tensors);
            if (factors is null)
                Move(kernels, tensors, decayed, LearningRate); // in one piece, and memory was taken before: nothing can fail half-way
            else
                MoveByRate(kernels, tensors, factors, decayed);
        }
        foreach (ParameterGradient gradient in gradients)
            gradient.Parameter.Value.MarkChanged();
        Iterations++;
        return true;
    }

    /// <summary>What is remembered of a parameter.</summary>
    internal IEnumerable<(string Name, Tensor Slot)> Slots(Parameter parameter) =>
        _slots.TryGetValue(parameter, out Tensor[]? slots) ? SlotNames.Zip(slots) : [];

    /// <summary>What a model file keeps to go on exactly here: the step counter, the rate, and every slot by its parameter's path.</summary>
    public IEnumerable<(string Name, float[] Values)> ExportState(Model model) => State(model).Select(s => (s.Name, s.Read()));

    /// <summary>The same, each array copied to the host when it is asked for.</summary>
    internal IEnumerable<(string Name, int Count, Func<float[]> Read)> State(Model model)
    {
        yield return ("iterations", 2, () => [Iterations >> LowBits, Iterations & ((1 << LowBits) - 1)]);
        if (_schedule is ConstantRate)
            yield return ("learning_rate", 1, () => [LearningRate]);
        if (LossScale is { } scale)
            yield return ("loss_scale", scale.State.Length, () => scale.State);
        foreach ((string path, Parameter parameter) in model.NamedParameters().DistinctBy(p => p.Parameter))
        {
            foreach ((string name, Tensor slot) in Slots(parameter))
                yield return ($"{path}/{name}", (int)slot.Count, slot.ToArray);
        }
    }

    /// <summary>Takes back what <see cref="ExportState"/> gave, of an optimizer of the same kind.</summary>
    /// <exception cref="GraftException">A slot is unknown to the model or this optimizer, or has another size.</exception>
    public void ImportState(Model model, IEnumerable<(string Name, float[] Values)> state)
    {
        Clear();
        Dictionary<string, Parameter> parameters = model.NamedParameters().DistinctBy(p => p.Parameter).ToDictionary(p => p.Path, p => p.Parameter);
        foreach ((string name, float[] values) in state)
        {
            if (name == "iterations")
                Iterations = ((long)values[0] << LowBits) + (long)values[1];
            else if (name == "learning_rate")
                _schedule = _schedule is ConstantRate ? values[0] : _schedule;
            else if (name == "loss_scale")
                LossScale = new LossScale { State = values };
            else
                ImportSlot(parameters, name, values);
        }
    }

    /// <summary>Gives the memory of all slots back and forgets the steps done, and the model that it was compiled into.</summary>
    public void Dispose()
    {
        Clear();
        Owner = null;
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes it the optimizer of a model. One that serves two would count the steps of both, and the first to be compiled anew would take the slots of the other.</summary>
    /// <exception cref="GraftException">It is that of another model.</exception>
    internal void Serve(Model model)
    {
        if (Owner is not null && Owner != model)
            throw new GraftException($"Model '{model.Name}': this {Name} is compiled into model '{Owner.Name}' and remembers that one's steps ({Iterations} done); compile each model with an optimizer of its own. To move it over without what it remembers, call its Dispose first.");
        Owner = model;
    }

    private void Clear()
    {
        foreach (Tensor slot in _slots.Values.SelectMany(s => s))
            slot.Release();
        _slots.Clear();
        Iterations = 0;
        LossScale = null;
    }

    /// <summary>Gives back what is remembered of parameters that are given back themselves; where nothing is left, the steps done are forgotten too.</summary>
    internal void Forget(IEnumerable<Parameter> parameters)
    {
        foreach (Parameter parameter in parameters)
        {
            if (_slots.Remove(parameter, out Tensor[]? slots))
                Array.ForEach(slots, s => s.Release());
        }
        if (_slots.Count == 0)
            Dispose();
    }

    /// <summary>Writes what it was made with beside the rate and the clipping, under Keras's names.</summary>
    internal abstract void WriteConfig(JsonObject config);

    /// <summary>Moves all parameters, which are on one device.</summary>
    private protected abstract void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, float rate);

    /// <summary>True where weight decay is for this parameter too.</summary>
    private protected virtual bool IsDecayed(Parameter parameter) => true;

    /// <summary>The same where weight decay is for the first <paramref name="decayed"/> alone.</summary>
    private protected virtual void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, int decayed, float rate) => Move(kernels, tensors, rate);

    /// <summary>A parameter as the kernels take it: slots in the order of <see cref="SlotNames"/>.</summary>
    private protected virtual StepTensor Operands(Tensor value, DevicePtr<float> gradient, Tensor[] slots) => new(value.Count, value.Data, gradient, At(slots, 0), At(slots, 1), At(slots, 2));

    /// <summary>A slot's address, or Null where there is none.</summary>
    private protected static DevicePtr<float> At(Tensor[] slots, int index) => index >= 0 && index < slots.Length ? slots[index].Data : DevicePtr<float>.Null;

    private void ImportSlot(Dictionary<string, Parameter> parameters, string name, float[] values)
    {
        int slash = name.LastIndexOf('/');
        int slot = Array.IndexOf(SlotNames, name[(slash + 1)..]);
        if (slash < 0 || slot < 0 || !parameters.TryGetValue(name[..slash], out Parameter? parameter))
            throw new GraftException($"Optimizer state '{name}' belongs to no parameter of this model under {Name}; the file was saved with another model or optimizer.");
        if (values.Length != parameter.Shape.Count)
            throw new GraftException($"Optimizer state '{name}' has {values.Length} numbers, but the parameter has shape {parameter.Shape}.");
        SlotsOf(parameter)[slot].Set(values);
    }

    private Tensor[] SlotsOf(Parameter parameter)
    {
        if (_slots.TryGetValue(parameter, out Tensor[]? slots) && (slots.Length == 0 || slots[0].Device == parameter.Device))
            return slots;
        var made = new List<Tensor>();
        try
        {
            for (int i = 0; i < SlotNames.Length; i++)
            {
                made.Add(slots is not null ? Tensor.From(parameter.Device, parameter.Shape, slots[i].ToArray()) // the model was moved to another device
                    : Tensor.Filled(parameter.Device, parameter.Shape, t => parameter.Device.Kernels.Memory.Fill(t.Data, t.Count, SlotStart)));
            }
        }
        catch
        {
            made.ForEach(slot => slot.Release());
            throw;
        }
        foreach (Tensor slot in slots ?? [])
            slot.Release();
        return _slots[parameter] = [.. made];
    }

    /// <summary>A move for each rate; a GPU that fails between two of them leaves the first ones moved.</summary>
    private void MoveByRate(KernelSet kernels, StepTensor[] tensors, float[] factors, int decayed)
    {
        foreach (IGrouping<float, int> group in Enumerable.Range(0, tensors.Length).GroupBy(i => factors[i]))
            Move(kernels, [.. group.Select(i => tensors[i])], group.Count(i => i < decayed), LearningRate * group.Key);
    }

    /// <exception cref="GraftException">A factor is negative or no number.</exception>
    private float[] FactorsOf(ParameterGradient[] gradients, Func<Parameter, float> factorOf)
    {
        var factors = new float[gradients.Length];
        for (int i = 0; i < factors.Length; i++)
        {
            Parameter parameter = gradients[i].Parameter;
            factors[i] = factorOf(parameter);
            if (!(factors[i] >= 0 && float.IsFinite(factors[i])))
                throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"{Name}: the learning rate of '{parameter.LayerName}/{parameter.Name}' would be multiplied by {factors[i]}; LearningRateFactor gives 0 or more."));
        }
        return factors;
    }

    /// <exception cref="GraftException">A schedule decides the rate.</exception>
    internal void RequireNumber()
    {
        if (_schedule is not ConstantRate)
            throw new GraftException($"The learning rate follows {_schedule.GetType().Name} and cannot be set; give {Name} a number as learning rate, or leave out the callback that sets it.");
    }

    /// <summary>A share of what was before that stays: with more than all of it, slots grow without end.</summary>
    /// <exception cref="GraftException">It is none.</exception>
    private protected static float Share(float value, string name) => value is >= 0 and <= 1 ? value
        : throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"{name} = {value}; take a share from 0 to 1, such as 0.9."));

    private static float? Limit(float? value, string name) => value is null or (> 0 and < float.PositiveInfinity) ? value
        : throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"{name} = {value}; take a number above 0, or null for no clipping."));

    private void CheckClipping()
    {
        if ((ClipNorm is null ? 0 : 1) + (ClipValue is null ? 0 : 1) + (GlobalClipNorm is null ? 0 : 1) > 1)
            throw new GraftException($"{Name}: set one of ClipNorm, ClipValue and GlobalClipNorm, not several.");
    }

    /// <summary>Says of each tensor how its gradient is clipped.</summary>
    /// <param name="tensors">The tensors; the factors that they have are those of a scaled loss.</param>
    /// <param name="squares">For norms, the sum of squares of each gradient, before its factor.</param>
    private void Clip(StepTensor[] tensors, double[]? squares)
    {
        if (ClipValue is float limit)
        {
            for (int i = 0; i < tensors.Length; i++)
                tensors[i] = tensors[i] with { Limit = limit };
        }
        if (ClipNorm is null && GlobalClipNorm is null)
            return;
        double all = squares!.Sum();
        for (int i = 0; i < tensors.Length; i++)
        {
            double found = Math.Sqrt(GlobalClipNorm is null ? squares![i] : all) * tensors[i].Factor, norm = (double)(GlobalClipNorm ?? ClipNorm)!;
            if (!(found <= norm))
                tensors[i] = tensors[i] with { Factor = (float)(norm / found * tensors[i].Factor) };
        }
    }
}
