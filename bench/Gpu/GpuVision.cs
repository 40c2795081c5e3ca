using System.Globalization;
using Graft.Bench.Models;
using Graft.Bench.Quick;
using Graft.Bench.Suite;
using Graft.Inference;
using Graft.Kernels;

namespace Graft.Bench.Gpu;

/// <summary>Frozen networks forward: on images that lie on the GPU, and from the host to the host. The first image's logits are compared with the processor's.</summary>
internal static class GpuVision
{
    private const string Part = "vision";

    /// <summary>Measures all networks, batches and precisions.</summary>
    public static void Run(GpuOptions options, GpuResults results)
    {
        int[] batches = options.IsTiny ? [1, 2] : [1, 32, 256];
        foreach (GpuNetwork network in GpuNetwork.All(options.IsTiny).Where(n => options.Wants($"{n.Name}-")))
        {
            float[] expected = OnProcessor(network);
            results.Add(new GpuRow { Part = GpuRow.Check, Name = network.Name, Values = expected });
            Model model = network.Open(BenchGpu.Device);
            model.Trainable = false;
            double flops = ModelBench.FlopsOf(model);
            foreach (string precision in options.Precisions)
            {
                foreach (int batch in batches)
                {
                    var row = new GpuRow
                    {
                        Part = Part, Name = $"{network.Name}-forward-b{batch}", Precision = precision, Unit = batch == 1 ? "ms" : "images/s", Count = batch, Flops = flops * batch,
                    };
                    results.Try(row, () => OnDevice(row, model, batch, expected, options.IsOnce));
                    if (precision == GpuPrecisions.Float32 && batch == batches[1])
                        results.Try(row, () => FromHost(row with { Name = $"{network.Name}-predict-b{batch}" }, model, batch, expected, options.IsOnce));
                }
            }
            model.Release();
        }
    }

    /// <summary>Logits of the first image.</summary>
    private static float[] OnProcessor(GpuNetwork network)
    {
        Model model = network.Open(Device.Cpu);
        model.Trainable = false;
        Shape shape = model.Inputs[0].Shape.Prepend(1);
        float[] logits = model.Predict(GpuNetwork.Pixels(shape), shape)[0];
        model.Release();
        return logits;
    }

    private static GpuRow OnDevice(GpuRow row, Model model, int batch, float[] expected, bool isOnce)
    {
        Shape shape = model.Inputs[0].Shape.Prepend(batch);
        using InferencePlan plan = InferencePlan.Compile(model, model.PlanOptions with { Precision = GpuPrecisions.Of(row.Precision) });
        using var workspace = new Workspace(model.Device.Kernels.Memory);
        DevicePtr<float> pixels = workspace.Upload<float>(GpuNetwork.Pixels(shape));
        Schedule schedule = plan.Prepare(shape);
        void Forward() => schedule.RunOnDevice(pixels);
        Forward();
        double deviation = Check(row, schedule.Outputs[0].ToArray(), expected);
        return new GpuClock(BenchGpu.Context, isOnce).Measure(row with { Deviation = deviation, Variant = "plan" }, Forward);
    }

    private static GpuRow FromHost(GpuRow row, Model model, int batch, float[] expected, bool isOnce)
    {
        Shape shape = model.Inputs[0].Shape.Prepend(batch);
        using InferencePlan plan = InferencePlan.Compile(model);
        float[] pixels = GpuNetwork.Pixels(shape), output = new float[batch * expected.Length];
        void Forward() => plan.Run(pixels, batch, output);
        Forward();
        double deviation = Check(row, output, expected);
        return new GpuClock(BenchGpu.Context, isOnce).Measure(row with { Deviation = deviation, Variant = "host to host" }, Forward);
    }

    /// <summary>All numbers are finite, and the first image's are the processor's.</summary>
    private static double Check(GpuRow row, float[] output, float[] expected)
    {
        double deviation = OutputCheck.Deviation(output.AsSpan(0, expected.Length), expected), allowed = GpuPrecisions.Tolerance(row.Precision);
        if (!(deviation <= allowed) || Array.Exists(output, v => !float.IsFinite(v)))
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"the first image's logits deviate from the processor's by {deviation:g3}, or a number is not finite; {allowed:g3} is allowed; it is not timed"));
        return deviation;
    }
}
