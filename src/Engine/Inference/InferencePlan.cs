namespace Graft.Inference;

/// <summary>
/// A model compiled for inference: batch normalisation folded into convolutions; bias, residual sum and activation fused into them; padding
/// merged; an algorithm for each convolution by its geometry; weights packed once; all activations in one arena in which what is not needed at the
/// same time shares memory. A run allocates nothing once a shape was seen.
/// </summary>
/// <remarks>
/// Models keep plans of their own for <see cref="Model.Predict(float[], Shape, CancellationToken)"/>, Evaluate and the frozen part of Fit; see
/// <see cref="Model.PlanOptions"/>. A plan follows its model's weights: those that changed are packed anew at the next run, and adapters
/// that were put on or merged are compiled in. It does not follow changes of the graph or of the device. Numbers do not depend on the thread count, nor on the other samples of a batch; the graph run op by op
/// gives the same within rounding (<see cref="PlanOptions.Winograd"/>).
/// </remarks>
public sealed class InferencePlan : IDisposable
{
    // Batches up to this size get the algorithms that are fastest for one sample: the weights then come from memory for few uses.
    private const int LargestSmallBatch = 4, SmallBatch = 1, LargeBatch = 16;

    private const int MostSchedules = 24; // of shapes: texts come in several lengths; the memory for activations is one

    private readonly Model _model;
    private readonly bool _training;
    private readonly PlanOptions _options;
    private readonly PlanMemory _memory;
    private readonly bool _ownsMemory;
    private readonly List<(int Count, Shape[] Samples, int Batch, Schedule Schedule)> _schedules = [];
    private int _revision; // of the model that was traced

    /// <summary>Counts how often everything was traced anew, as the model's parameters were replaced.</summary>
    internal int Generation { get; private set; }

    internal InferencePlan(Model model, bool training, PlanOptions options, PlanMemory memory, bool ownsMemory = false)
    {
        (_model, _training, _options, _memory, _ownsMemory, _revision) = (model, training, options, memory, ownsMemory, model.Revision);
    }

    /// <summary>Compiles the whole of a model with one input and one output, for inference.</summary>
    /// <param name="model">The model; the plan reads its weights where they are.</param>
    /// <param name="options">What is allowed.</param>
    /// <exception cref="GraftException">The model has more than one input or output, or a stateful or dynamic layer.</exception>
    public static InferencePlan Compile(Model model, PlanOptions? options = null)
    {
        if (model.Inputs.Count != 1 || model.Outputs.Count != 1)
            throw new GraftException($"Model '{model.Name}' has {model.Inputs.Count} inputs and {model.Outputs.Count} outputs; a plan takes one of each.");
        if (model.IsDynamic)
            throw new GraftException($"Model '{model.Name}' has a stateful or dynamic layer, whose steps no plan knows beforehand; Predict runs it op by op.");
        return new InferencePlan(model, training: false, options ?? PlanOptions.Default, new PlanMemory(model.Device), ownsMemory: true);
    }

    /// <summary>Computes the outputs of some samples.</summary>
    /// <param name="samples">Row-major, [N, ...sample shape].</param>
    /// <param name="count">N.</param>
    /// <param name="outputs">Room for [N, ...output shape].</param>
    /// <param name="cancellationToken">Ends it between two steps.</param>
    /// <exception cref="ShapeException">The numbers do not fill the shapes.</exception>
    /// <exception cref="GraftException">The output depends on an op that is random in inference too, or the model was moved to another device.</exception>
    public void Run(ReadOnlySpan<float> samples, int count, Span<float> outputs, CancellationToken cancellationToken = default)
    {
        Shape input = _model.Inputs[0].Shape, output = _model.Outputs[0].Shape;
        if (count < 1 || samples.Length != count * input.Count || outputs.Length != count * output.Count)
            throw new ShapeException($"Plan of '{_model.Name}': {samples.Length} numbers in and {outputs.Length} out are not {count} samples of {input} and {output}.");
        Schedule schedule = Prepare(count, [input], 0);
        if (!schedule.IsWhole)
            throw new GraftException($"Plan of '{_model.Name}': {string.Join(", ", schedule.Part.Trace.Ops.Where(o => !o.Op.IsPure).Select(o => $"op {o.Op.Name} of layer '{o.Layer}'").Distinct())} is random or changes something, which no plan repeats; Predict runs the model op by op.");
        schedule.Run(samples, cancellationToken);
        _memory.Device.Kernels.Memory.Download(schedule.Outputs[0].Data, outputs);
    }

    /// <summary>
    /// The steps of the latest batch size: layers, routine, output, FLOPs, bytes; after a run also the time of the fastest run, its rate, and its
    /// share of the device's multiply-add peak.
    /// </summary>
    public string Describe() => _schedules.Count == 0 ? $"Plan of '{_model.Name}': no batch yet." : PlanReport.Of(_model.Name, _schedules[^1].Schedule, _memory.Device);

    /// <summary>The steps for a batch size, without running them.</summary>
    public string Describe(int batch)
    {
        Prepare([.. _model.Inputs.Select(i => i.Shape.Prepend(batch))]).EnsureSteps();
        return Describe();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((_, _, _, Schedule schedule) in _schedules)
            schedule.Dispose();
        _schedules.Clear();
        if (_ownsMemory)
            _memory.Dispose();
    }

    /// <summary>The schedule for a batch of the model's samples.</summary>
    /// <param name="shapes">Shape of the batch in each input: samples that the model takes.</param>
    /// <param name="typicalBatch">Batch size to choose algorithms for, where this batch is the last and smaller; 0 for that of <paramref name="shapes"/>.</param>
    /// <exception cref="ShapeException">The model takes no such samples.</exception>
    internal Schedule Prepare(Shape[] shapes, int typicalBatch = 0) => Prepare(shapes[0][0], Array.ConvertAll(shapes, s => s.Tail()), typicalBatch);

    /// <summary>The same for a model with one input.</summary>
    internal Schedule Prepare(Shape shape, int typicalBatch = 0) => Prepare(shape[0], [shape.Tail()], typicalBatch);

    /// <summary>The same for <paramref name="count"/> samples of shapes without the batch axis; shapes that were seen cost no memory.</summary>
    private Schedule Prepare(int count, ReadOnlySpan<Shape> samples, int typicalBatch)
    {
        if (_options.TypicalBatch > 0)
            typicalBatch = _options.TypicalBatch;
        int batch = (typicalBatch == 0 ? count : typicalBatch) <= LargestSmallBatch ? SmallBatch : LargeBatch;
        if (_revision != _model.Revision || _schedules.Exists(s => !s.Schedule.IsValid))
            DropAll(); // an adapter was put on, taken off, or merged; or the model gave its parameters back and drew or loaded others
        for (int i = _schedules.Count - 1; i >= 0; i--)
        {
            if (_schedules[i] is var known && known.Batch == batch && known.Count == count && samples.SequenceEqual(known.Samples))
            {
                _schedules.RemoveAt(i);
                _schedules.Add(known); // latest last
                return known.Schedule;
            }
        }
        if (_schedules.Count == MostSchedules)
        {
            _schedules[0].Schedule.Dispose();
            _schedules.RemoveAt(0);
        }
        return Add(count, samples.ToArray(), batch);
    }

    private Schedule Add(int count, Shape[] samples, int batch)
    {
        if (_memory.Device != _model.Device)
            throw new GraftException($"The plan of '{_model.Name}' was compiled on {_memory.Device}, but the model lies on {_model.Device} now. Compile another plan after MoveTo.");
        var schedule = new Schedule(_model, Array.ConvertAll(samples, s => s.Prepend(count)), batch, _training, _options, _memory);
        _memory.Sweep();
        _schedules.Add((count, samples, batch, schedule));
        return schedule;
    }

    private void DropAll()
    {
        foreach ((_, _, _, Schedule schedule) in _schedules)
            schedule.Dispose();
        _schedules.Clear();
        _revision = _model.Revision;
        Generation++;
    }
}
