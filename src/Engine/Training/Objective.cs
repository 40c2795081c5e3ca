using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Training;

/// <summary>One output of a model, and how it is learned.</summary>
/// <param name="Name">Name in the history's columns, as Keras has it: that of the layer.</param>
/// <param name="Head">What it ends in.</param>
/// <param name="Loss">What is made small.</param>
/// <param name="Weight">Factor on it in the sum.</param>
/// <param name="Metrics">What is watched beside it.</param>
internal sealed record Target(string Name, ModelHead Head, Loss Loss, float Weight, Metric[] Metrics);

/// <summary>What training makes small: the losses of a model's outputs, each times its weight, summed.</summary>
internal sealed class Objective
{
    /// <exception cref="GraftException">There are more or fewer losses than outputs.</exception>
    public Objective(Model model, IReadOnlyList<OutputLoss> losses)
    {
        string[] names = NamesOf(model);
        if (losses.Count != names.Length)
            throw new GraftException($"Model '{model.Name}' has {names.Length} outputs ({string.Join(", ", names)}), and is compiled with {losses.Count} loss{(losses.Count == 1 ? "" : "es")}; call Compile(optimizer, [new OutputLoss(loss), ...]) with one for each.");
        Targets = [.. losses.Select((l, i) => new Target(names[i], ModelHead.Of(model, i), l.Loss, l.Weight, [.. l.Metrics]))];
    }

    /// <summary>The outputs, in the model's order.</summary>
    public Target[] Targets { get; }

    /// <summary>True where anything but the loss is watched.</summary>
    public bool HasMetrics => Array.Exists(Targets, t => t.Metrics.Length > 0);

    /// <summary>False where no metric looks at outputs: then they need not come to the host.</summary>
    public bool ReadsOutputs => Array.Exists(Targets, t => Array.Exists(t.Metrics, m => m.ReadsOutputs));

    /// <summary>Names of a model's outputs: those of their layers, numbered where one layer gives several.</summary>
    public static string[] NamesOf(Model model)
    {
        var names = new List<string>();
        foreach (Node output in model.Outputs)
        {
            string name = output.Layer.Name;
            for (int i = 1; names.Contains(name); i++)
                name = $"{output.Layer.Name}_{i}";
            names.Add(name);
        }
        return [.. names];
    }

    /// <summary>The mean over a batch: the sum that is made small, and the loss of each output.</summary>
    public (Tensor Sum, Tensor[] Each) Mean(Tape tape, Tensor[] predictions, Batch batch, float[]? weights)
    {
        Tensor? ofSamples = weights is null ? null : tape.Constant(new Shape(batch.Size), weights);
        var each = new Tensor[Targets.Length];
        Tensor? sum = null;
        for (int i = 0; i < each.Length; i++)
        {
            (Shape shape, float[] labels) = batch.LabelsOf(i);
            Tensor loss = each[i] = Targets[i].Loss.Mean(tape, predictions[i], tape.Constant(shape, labels), ofSamples);
            if (Targets[i].Weight != 1)
                loss = tape.Run(new UnaryOp(UnaryFormula.Scale, Targets[i].Weight), loss);
            sum = sum is null ? loss : tape.Run(new BinaryOp(BinaryFormula.Add), sum, loss);
        }
        return (sum!, each);
    }
}

/// <summary>What a model made of a batch.</summary>
/// <param name="Loss">The sum, with penalties.</param>
/// <param name="Losses">The loss of each output, where there are several.</param>
/// <param name="Outputs">All outputs, where they came to the host; else none.</param>
internal readonly record struct BatchOutcome(float Loss, float[] Losses, float[][] Outputs);
