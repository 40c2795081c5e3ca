using Graft.Bench.Onnx;
using Graft.Bench.Quick;
using Graft.Bench.Suite;
using Graft.Importers.Onnx;
using Graft.Kernels;
using Graft.Layers;
using Microsoft.ML.OnnxRuntime;

namespace Graft.Bench.Models;

/// <summary>Whole frozen networks, the same as in the quick mode, from numbers to numbers.</summary>
public class ModelBench : OpBench
{
    private protected override IReadOnlyList<OpCase> Cases { get; } = [.. ModelCase.All.Select(Of)];

    private static OpCase Of(ModelCase model)
    {
        Model shapes = model.Build();
        Shape input = model.InputShape(shapes), output = model.OutputShape(shapes);
        double flops = model.Batch * FlopsOf(shapes);
        double bytes = 4.0 * (input.Count + output.Count + shapes.NamedParameters().Sum(p => (double)p.Item2.Shape.Count));
        shapes.Release();
        return new OpCase(model.Name, flops, bytes)
        {
            Batch = model.Batch,
            // The plain loops take a minute an image: the whole output is compared with ONNX Runtime's.
            Expected = () =>
            {
                using OrtModel ort = OpenOrt(model, input, output);
                ort.Run();
                return ort.Output();
            },
            Tolerance = OutputCheck.Tolerance,
            TimesReference = false,
            Graft = (_, _, _) => throw new InvalidOperationException("A model brings its own memory."),
            GraftModel = device =>
            {
                var graft = new GraftModel(model.Open(device), ModelCase.Pixels(input), input);
                return new Peer(graft.Run, () => graft.Output, graft.Dispose);
            },
            Ort = () =>
            {
                OrtModel ort = OpenOrt(model, input, output);
                return new Peer(ort.Run, ort.Output, ort.Dispose);
            },
            HasWidths = false,
        };
    }

    private static OrtModel OpenOrt(ModelCase of, Shape input, Shape output)
    {
        Model model = of.Open();
        byte[] onnx = OnnxExport.ToBytes(model, new OnnxExportOptions { Layout = OnnxLayout.ChannelsFirst, BatchSize = of.Batch });
        model.Release();
        return new OrtModel(options => new InferenceSession(onnx, options), ModelCase.Pixels(input), input, output, CpuThreads.Count);
    }

    /// <summary>Multiplications and additions of the convolutions and fully connected layers, for one image.</summary>
    internal static double FlopsOf(Model model) => model.Nodes.Sum(node => node.Layer switch
    {
        Conv2D or Dense => 2.0 * node.Shape.Count / node.Shape[-1] * node.Layer.Parameters[0].Shape.Count, // each weight once a pixel
        _ => 0,
    });
}
