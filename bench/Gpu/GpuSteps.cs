using System.Globalization;
using Graft.Bench.Quick;
using Graft.Layers;
using Graft.Models;
using Graft.Training;

namespace Graft.Bench.Gpu;

/// <summary>Training steps of vision networks, from images on the host to moved weights: behind a frozen base, and of all layers. On a small batch the first loss is compared with the processor's.</summary>
internal static class GpuSteps
{
    private const string Part = "steps";

    /// <summary>A step.</summary>
    /// <param name="Name">What is trained.</param>
    /// <param name="Build">The network, with what is frozen frozen.</param>
    /// <param name="Classes">Classes of the labels; 1 for a binary head of one logit.</param>
    private sealed record Step(string Name, Func<Model> Build, int Classes);

    /// <summary>Measures all.</summary>
    public static void Run(GpuOptions options, GpuResults results)
    {
        const int TinySide = 32, TinyResNetSide = 64, TinyClasses = 10, CheckedBatch = 2;
        int batch = options.IsTiny ? CheckedBatch : 32;
        Step[] steps = options.IsTiny
            ?
            [
                new("vgg16-block5-step", () => StepCase.Vgg16Block5(TinySide), 1),
                new("resnet18-train-step", () => ResNet.Build(18, height: TinyResNetSide, width: TinyResNetSide, classes: TinyClasses, classifierActivation: Activation.Linear), TinyClasses),
            ]
            :
            [
                new("vgg16-block5-step", () => StepCase.Vgg16Block5(), 1),
                new("resnet50-train-step", () => ResNet.Build(50, variant: ResNetVariant.Torch, classifierActivation: Activation.Linear), 1000),
            ];
        foreach (Step step in steps.Where(s => options.Wants(s.Name)))
        {
            foreach (string precision in options.Precisions)
            {
                var row = new GpuRow { Part = Part, Name = $"{step.Name}-b{batch}", Precision = precision, Unit = "images/s", Count = batch, Variant = "eager" };
                results.Try(row, () => options.IsHost ? Host(row, step, batch) : Measure(row, step, batch, CheckedBatch, options.IsOnce, results));
            }
        }
    }

    private static GpuRow Measure(GpuRow row, Step step, int batch, int checkedBatch, bool isOnce, GpuResults results)
    {
        double deviation = Compare(FirstLoss(step, checkedBatch, BenchGpu.Device, row.Precision), FirstLoss(step, checkedBatch, Device.Cpu, GpuPrecisions.Float32), row.Precision);
        using GraftStep graft = Open(step, batch, BenchGpu.Device, row.Precision);
        graft.Run();
        if (!float.IsFinite(graft.Loss))
            throw new GraftException($"the loss of the first step is {graft.Loss}");
        results.Add(new GpuRow { Part = GpuRow.Check, Name = row.Name, Precision = row.Precision, Values = [graft.Loss] });
        return new GpuClock(BenchGpu.Context, isOnce).Measure(row with { Deviation = deviation }, graft.Run, budget: 1, warmUp: GpuClock.StepWarmUp);
    }

    private static GpuRow Host(GpuRow row, Step step, int batch)
    {
        using GraftStep graft = Open(step, batch, BenchGpu.Device, row.Precision);
        return GpuHost.Measure(row with { Unit = "ms", Count = 1 }, graft);
    }

    /// <summary>How far a loss is from the processor's.</summary>
    /// <exception cref="GraftException">Too far.</exception>
    public static double Compare(float loss, float expected, string precision)
    {
        double deviation = OutputCheck.Deviation([loss], [expected]);
        return deviation <= Math.Max(OutputCheck.LossTolerance, precision == GpuPrecisions.Float32 ? 0 : GpuPrecisions.Tolerance(precision)) ? deviation : throw new GraftException(string.Create(CultureInfo.InvariantCulture,
            $"the first loss is {loss:g6}, the processor's {expected:g6}; it is not timed"));
    }

    private static float FirstLoss(Step step, int batch, Device device, string precision)
    {
        using GraftStep graft = Open(step, batch, device, precision);
        graft.Run();
        return graft.Loss;
    }

    private static GraftStep Open(Step step, int batch, Device device, string precision)
    {
        bool isBinary = step.Classes == 1;
        Model network = GpuNetwork.Fill(step.Build(), device);
        network.PlanOptions = network.PlanOptions with { Precision = GpuPrecisions.Of(precision) };
        return new GraftStep(network, Images, isBinary ? LabelKind.Binary : LabelKind.Sparse,
            isBinary ? Loss.BinaryCrossEntropy(fromLogits: true) : Loss.SparseCategoricalCrossEntropy(fromLogits: true), new Sgd(StepCase.LearningRate, StepCase.Momentum), precision: GpuPrecisions.Of(precision));

        Batch Images(Model model)
        {
            Shape shape = model.Inputs[0].Shape.Prepend(batch);
            return new Batch(GpuNetwork.Pixels(shape), shape, [.. Enumerable.Range(0, batch).Select(i => (float)(i * 37 % Math.Max(2, step.Classes)))], new Shape(batch, 1));
        }
    }
}
