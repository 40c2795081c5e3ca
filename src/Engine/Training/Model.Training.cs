using System.Globalization;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Training;

namespace Graft;

public partial class Model
{
    private const int PredictBatch = 32;

    private Optimizer? _optimizer;
    private OutputLoss[] _losses = [];
    private ModelTurn? _turn; // what runs

    /// <summary>What Compile was given; null before.</summary>
    public Optimizer? Optimizer => _optimizer;

    /// <summary>What Compile was given; null before, and where there are several outputs: see <see cref="Losses"/>.</summary>
    public Loss? Loss => _losses is [var only] ? only.Loss : null;

    /// <summary>How each output is learned, in the order of <see cref="Outputs"/>; empty before Compile.</summary>
    public IReadOnlyList<OutputLoss> Losses => _losses;

    /// <summary>Names of the compiled metrics, as the history has them; of several outputs behind the output's name: "age_mae".</summary>
    public IReadOnlyList<string> MetricNames => _losses is [var only] ? [.. only.Metrics.Select(m => m.Name)]
        : [.. Objective.NamesOf(this).Zip(_losses).SelectMany(o => o.Second.Metrics.Select(m => $"{o.First}_{m.Name}"))];

    /// <summary>The history of the last or running <see cref="Fit"/>; also there after a cancelled one.</summary>
    public History? History { get; internal set; }

    /// <summary>Why a file could not compile the model; null where it could, or nobody asked.</summary>
    internal string? WhyNotCompiled { get; set; }

    /// <summary>What the products of the last or running <see cref="Fit"/> multiplied in; null before the first.</summary>
    internal ComputePrecision? FitPrecision { get; set; }

    /// <summary>Memory of the last training step; null before the first.</summary>
    public MemoryReport? MemoryReport { get; internal set; }

    /// <summary>
    /// Says how to train. Which layers are trainable is read anew at every step, so that freezing and unfreezing need no
    /// new call; a new optimizer begins without memory of earlier steps, and the one before gives its memory back.
    /// </summary>
    /// <param name="optimizer">Moves the weights; those of one model, as it remembers things of each.</param>
    /// <param name="loss">What is made small.</param>
    /// <param name="metrics">What is watched beside it.</param>
    public void Compile(Optimizer optimizer, Loss loss, params ReadOnlySpan<Metric> metrics) => Compile(optimizer, [new OutputLoss(loss, 1, metrics.ToArray())]);

    /// <summary>
    /// Says how to train a model with several outputs: the sum of their losses is made small, each times its weight. The history has "loss" for the sum, and for each output "NAME_loss" and
    /// "NAME_METRIC", by the name of its layer.
    /// </summary>
    /// <param name="optimizer">Moves the weights.</param>
    /// <param name="losses">One for each output, in the order of <see cref="Outputs"/>.</param>
    /// <exception cref="GraftException">Two metrics of an output have the same name, a weight is not finite, the optimizer is compiled into another model, or Fit or Evaluate is running.</exception>
    public void Compile(Optimizer optimizer, IReadOnlyList<OutputLoss> losses)
    {
        RefuseTurn(nameof(Compile), Volatile.Read(ref _turn));
        foreach (OutputLoss output in losses)
        {
            if (!float.IsFinite(output.Weight))
                throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"Compile: the weight of a loss is {output.Weight}; take a finite number."));
            HashSet<string> names = ["loss"];
            foreach (Metric m in output.Metrics)
            {
                if (!names.Add(m.Name))
                    throw new GraftException($"Compile: two metrics are named '{m.Name}'; the history has a column for each name once.");
            }
        }
        optimizer.Serve(this);
        if (_optimizer != optimizer && _optimizer?.Owner == this)
            _optimizer.Dispose();
        _optimizer = optimizer;
        _losses = [.. losses];
    }

    /// <summary>Trains for the epochs from <see cref="FitOptions.InitialEpoch"/> to <paramref name="epochs"/>.</summary>
    /// <param name="data">Batches to train on.</param>
    /// <param name="epochs">The epoch to end at, counted as Keras does.</param>
    /// <param name="validation">Evaluated after each epoch; its columns begin with "val_".</param>
    /// <param name="options">All else.</param>
    /// <returns>A row an epoch.</returns>
    /// <exception cref="GraftException">
    /// The model is not compiled, nothing is trainable, loss, head and labels do not fit together, or the images are prepared otherwise
    /// than the model's weights want them; or another Fit or Evaluate of this model is running.
    /// </exception>
    /// <exception cref="OperationCanceledException">Training was cancelled; the unfinished step left no trace.</exception>
    public History Fit(BatchSource data, int epochs, BatchSource? validation = null, FitOptions? options = null)
    {
        using ModelTurn turn = BeginTurn(nameof(Fit));
        return new Trainer(this, CompiledOptimizer(), CompiledObjective(), options ?? new FitOptions(), turn).Run(data, epochs, validation);
    }

    /// <summary>Loss and metrics over a data set, with moving statistics and without Dropout.</summary>
    /// <param name="data">The samples with labels.</param>
    /// <param name="keepPredictions">True returns the outputs too.</param>
    /// <param name="cancellationToken">Ends it within an op.</param>
    /// <exception cref="GraftException">
    /// The model is not compiled, loss, head and labels do not fit together, or a Fit or Evaluate of this model is running; callbacks of Fit may call it between two epochs.
    /// </exception>
    public EvaluationResult Evaluate(BatchSource data, bool keepPredictions = false, CancellationToken cancellationToken = default)
    {
        using ModelTurn turn = BeginTurn(nameof(Evaluate));
        Objective objective = CompiledObjective();
        turn.CountsMetrics = objective.HasMetrics;
        return new Evaluator(this, objective).Run(data, keepPredictions, cancellationToken);
    }

    /// <summary>Outputs of every sample, in the order of the data set whatever the order of its batches. Any number of threads may call it; beside a Fit, each batch sees the weights between two steps, and a model with stateful layers is refused.</summary>
    /// <exception cref="GraftException">The images are prepared otherwise than the model's weights want them, or there are several outputs: <see cref="PredictAll(BatchSource, CancellationToken)"/> gives all of them.</exception>
    public float[][] Predict(BatchSource data, CancellationToken cancellationToken = default)
    {
        if (Outputs.Count > 1)
            throw new GraftException($"Predict: model '{Name}' has {Outputs.Count} outputs ({string.Join(", ", Objective.NamesOf(this))}); PredictAll gives all of them.");
        return PredictAll(data, cancellationToken)[0];
    }

    /// <summary>For each output, in the model's order, what it gives for every sample, in the order of the data set whatever the order of its batches.</summary>
    /// <exception cref="GraftException">The images are prepared otherwise than the model's weights want them.</exception>
    public float[][][] PredictAll(BatchSource data, CancellationToken cancellationToken = default)
    {
        PreprocessingChoice.Check(this, data);
        float[][][] rows = [.. Outputs.Select(_ => new float[data.Count][])];
        int next = 0;
        foreach (Batch batch in data.Epoch(0, 0, cancellationToken))
        {
            float[][] outputs = Evaluator.Forward(this, batch.Inputs, batch.InputShape, batch.MoreInputs, data.BatchSize, cancellationToken);
            for (int i = 0; i < rows.Length; i++)
                Evaluator.Place(rows[i], outputs[i], batch, next, data);
            next += batch.Size;
        }
        Evaluator.CheckRows(rows, data);
        return rows;
    }

    /// <summary>Outputs of samples that lie in one array.</summary>
    /// <param name="samples">Row-major, [N, ...sample shape].</param>
    /// <param name="shape">Shape with the batch axis.</param>
    /// <param name="cancellationToken">Ends it within an op.</param>
    /// <exception cref="ShapeException">The numbers do not fill the shape, or the model takes another one.</exception>
    /// <exception cref="GraftException">The model has several inputs or outputs: <see cref="PredictAll(IReadOnlyList{ValueTuple{Shape, float[]}}, CancellationToken)"/> takes and gives all of them.</exception>
    public float[][] Predict(float[] samples, Shape shape, CancellationToken cancellationToken = default)
    {
        if (Inputs.Count > 1 || Outputs.Count > 1)
            throw new GraftException($"Predict: model '{Name}' has {Inputs.Count} inputs and {Outputs.Count} outputs ({string.Join(", ", Objective.NamesOf(this))}); PredictAll takes and gives all of them.");
        if (shape.Rank == 0 || samples.Length != shape.Count)
            throw new ShapeException($"Predict: {samples.Length} numbers do not fill shape {shape}; the first axis counts the samples.");
        int width = shape[0] == 0 ? 0 : samples.Length / shape[0];
        var rows = new List<float[]>(shape[0]);
        for (int from = 0; from < shape[0]; from += PredictBatch)
        {
            int size = Math.Min(PredictBatch, shape[0] - from);
            rows.AddRange(Evaluator.Rows(Evaluator.Forward(this, samples.AsSpan(from * width, size * width), shape.WithBatch(size), [], Math.Min(PredictBatch, shape[0]), cancellationToken)[0], size));
        }
        return [.. rows];
    }

    /// <summary>All outputs for arrays of samples, of models with any number of inputs and outputs.</summary>
    /// <param name="inputs">For each input, in the model's order: shape with the batch axis, and the numbers row-major.</param>
    /// <param name="cancellationToken">Ends it within an op.</param>
    /// <returns>For each output, in the model's order, the same.</returns>
    /// <exception cref="ShapeException">Arrays are missing, do not fill their shapes, hold different numbers of samples, or do not fit the model's inputs.</exception>
    public (Shape Shape, float[] Values)[] PredictAll(IReadOnlyList<(Shape Shape, float[] Values)> inputs, CancellationToken cancellationToken = default)
    {
        if (inputs.Count != Inputs.Count)
            throw new ShapeException($"Model '{Name}' takes {Inputs.Count} inputs ({string.Join(", ", Inputs.Select(i => $"'{i.Layer.Name}' {i.Shape}"))}), not {inputs.Count}.");
        for (int i = 0; i < inputs.Count; i++)
        {
            (Shape shape, float[] values) = inputs[i];
            bool fits = shape.Rank > 0 && values.Length == shape.Count && shape.Tail().Equals(Inputs[i].Shape) && shape[0] == inputs[0].Shape[0];
            if (!fits)
                throw new ShapeException($"Model '{Name}': input {shape} of {values.Length} numbers does not fit '{Inputs[i].Layer.Name}' [{(inputs[0].Shape.Rank > 0 ? inputs[0].Shape[0] : 0)},{string.Join(',', Inputs[i].Shape.Dims.ToArray())}]; the first axis counts the samples, as many for each input.");
        }
        int samples = inputs[0].Shape[0];
        var results = new List<float>[Outputs.Count];
        for (int o = 0; o < results.Length; o++)
            results[o] = new List<float>(checked((int)(samples * Outputs[o].Shape.Count)));
        for (int from = 0; from < samples; from += PredictBatch)
            RunBatch(inputs, from, Math.Min(PredictBatch, samples - from), results, cancellationToken);
        return [.. Outputs.Select((o, i) => (o.Shape.Prepend(samples), results[i].ToArray()))];
    }

    private void RunBatch(IReadOnlyList<(Shape Shape, float[] Values)> inputs, int from, int size, List<float>[] results, CancellationToken cancellationToken)
    {
        ReadOnlySpan<float> Part(int i) => inputs[i].Values.AsSpan((int)(from * Inputs[i].Shape.Count), (int)(size * Inputs[i].Shape.Count));
        (Shape, float[])[] more = [.. inputs.Skip(1).Select((x, i) => (x.Shape.WithBatch(size), Part(i + 1).ToArray()))];
        float[][] outputs = Evaluator.Forward(this, Part(0), inputs[0].Shape.WithBatch(size), more, Math.Min(PredictBatch, inputs[0].Shape[0]), cancellationToken);
        for (int o = 0; o < outputs.Length; o++)
            results[o].AddRange(outputs[o]);
    }

    /// <summary>
    /// The loss of a batch plus what weights and activations cost: every trainable parameter that has a regularizer, and <see cref="Tape.AddPenalty"/>; the sum that Fit makes small. For
    /// training loops of your own.
    /// </summary>
    /// <param name="tape">Where the loss was computed.</param>
    /// <param name="loss">A single number.</param>
    public Tensor AddPenalties(Tape tape, Tensor loss) => Regularization.AddTo(tape, loss, this);

    /// <summary>Begins what no other may run beside.</summary>
    /// <param name="call">Its name.</param>
    /// <exception cref="GraftException">Another one runs.</exception>
    internal ModelTurn BeginTurn(string call)
    {
        var turn = new ModelTurn(call, () => Volatile.Write(ref _turn, null));
        if (Interlocked.CompareExchange(ref _turn, turn, null) is not { } running)
            return turn;
        RefuseTurn(call, running);
        return new ModelTurn(call, () => { }); // within the other one, which goes on to keep all others out
    }

    private void RefuseTurn(string call, ModelTurn? running)
    {
        if (running?.Objection(call) is { } objection)
            throw new GraftException($"{call}: model '{Name}' is in use; {objection}.");
    }

    /// <exception cref="GraftException">The model's layers may remember the batch before, and a training on another thread would go on with what this one leaves.</exception>
    internal void RefuseStatesInUse()
    {
        if (Volatile.Read(ref _turn) is { IsElsewhere: true } running && IsDynamic)
            RefuseTurn(nameof(Predict), running);
    }

    internal Optimizer CompiledOptimizer()
    {
        Optimizer optimizer = _optimizer ?? throw NotCompiled();
        optimizer.Serve(this);
        return optimizer;
    }

    internal Objective CompiledObjective() => _losses.Length > 0 ? new Objective(this, _losses) : throw NotCompiled();

    private GraftException NotCompiled() => new($"Model '{Name}' is not compiled; call Compile(optimizer, loss, metrics) first.{(WhyNotCompiled is null ? "" : $" {WhyNotCompiled}")}");
}
