using System.Text.Json.Nodes;
using Graft.Inference;
using Graft.Ops;
using Graft.Training;
using Graft.Weights;

namespace Graft.Importers.Onnx;

/// <content>What comes in, what goes out, and what the file says about itself.</content>
internal sealed partial class GraphExport
{
    private const string Ids = "input_ids", Logits = "logits"; // as transformers names them

    private int[] EdgeOrder(Tensor tensor) =>
        _options.Layout == OnnxLayout.ChannelsFirst && tensor.Shape.Rank >= 4 ? OnnxAxes.ChannelsFirst(tensor.Shape.Rank) : OnnxAxes.Identity(tensor.Shape.Rank);

    private static bool ReadsIndices(TracedOp op, Tensor tensor) =>
        (op.Op is EmbeddingOp && op.Inputs[0] == tensor) || (op.Op is LastTokenOp && op.Inputs[1] == tensor);

    private void AddInputs()
    {
        for (int i = 0; i < _trace.Inputs.Length; i++)
        {
            Tensor input = _trace.Inputs[i];
            bool indices = _readers.TryGetValue(input, out List<TracedOp>? readers) && readers.Exists(r => ReadsIndices(r, input));
            string own = _model.Inputs[i].Layer.Name, name = _graph.Free(IsLanguageModel ? Ids : own.Length > 0 ? own : "input");
            OnnxType type = indices ? OnnxType.Int64 : _options.IncludePreprocessing && _options.Pixels == OnnxPixels.UInt8 ? OnnxType.UInt8 : OnnxType.Float;
            int[] order = EdgeOrder(input);
            _graph.Inputs.Add((name, type, Dims(OnnxAxes.Arrange(_trace.Of(input), order))));
            _values[input] = new OnnxValue(name, order) { IsInteger = indices };
        }
        if (_options.IncludePreprocessing)
            AddPreprocessing();
        AddAttentionInputs();
    }

    private void AddPreprocessing()
    {
        Shape image = _model.Inputs[0].Shape;
        if (_model.Inputs.Count != 1 || image.Rank != 3)
            throw new GraftException($"ONNX export: model '{_model.Name}' takes {string.Join(", ", _model.Inputs.Select(i => $"{i.Shape}"))}; preprocessing is written for one image [H,W,C]. Leave IncludePreprocessing off.");
        Preprocessing p = _model.RequirePreprocessing();
        if (image[2] != p.Mean.Count && (p.Mean.Distinct().Count() > 1 || p.Std.Distinct().Count() > 1 || p.MeanImage is not null))
            throw new GraftException($"ONNX export: preprocessing '{p.Name}' takes images [H,W,{p.Mean.Count}] and model '{_model.Name}' {image}.");
        Tensor input = _trace.Inputs[0];
        OnnxValue pixels = _values[input];
        (_layer, string x) = ("preprocessing", pixels.Name);
        int channels = Array.IndexOf(pixels.Order, 3);
        if (_options.Pixels == OnnxPixels.UInt8)
            x = Emit("Cast", [x], OnnxGraph.Attribute("to", (long)OnnxType.Float));
        if (p.ReverseChannels)
            x = Emit("Gather", [x, _graph.Integers([.. Enumerable.Range(0, image[2]).Reverse().Select(c => (long)c)])], OnnxGraph.Attribute("axis", (long)channels));
        if (p.Scale != 1)
            x = Emit("Mul", [x, _graph.Scalar(p.Scale)]);
        if (p.MeanImage is { } mean)
            x = Emit("Sub", [x, MeanPixels(mean, pixels.Order)]);
        else if (p.Mean.Any(m => m != 0))
            x = Emit("Sub", [x, OfChannels("mean", p.Mean, channels)]);
        if (p.Std.Any(s => s != 1))
            x = Emit("Div", [x, OfChannels("std", p.Std, channels)]);
        Define(input, x, pixels.Order);
    }

    private string OfChannels(string name, IReadOnlyList<float> values, int axis)
    {
        if (values.Distinct().Count() == 1)
            return _graph.Scalar(values[0]);
        var dims = new int[4 - axis]; // broadcast from the last axis on
        Array.Fill(dims, 1);
        dims[0] = values.Count;
        return _graph.Floats(Name(name), new Shape(dims), () => [.. values]);
    }

    private string MeanPixels(MeanImage mean, int[] order)
    {
        var shape = new Shape(1, mean.Height, mean.Width, mean.Values.Length / (mean.Height * mean.Width));
        return _graph.Floats(Name("mean"), new Shape(OnnxAxes.Arrange(shape, order)), () => AxisPermutation.Of(mean.Values.ToArray(), shape, order));
    }

    private void AddOutputs()
    {
        for (int i = 0; i < _trace.Outputs.Length; i++)
        {
            Tensor output = _trace.Outputs[i];
            _layer = "";
            int[] order = EdgeOrder(output);
            string made = In(output, order), wish = IsLanguageModel ? Logits : _model.Outputs[i].Layer.Name;
            Extent[] extents = OnnxAxes.Arrange(_trace.Of(output), order);
            if (_options.LastLogitsOnly && i == 0)
                (made, extents[1]) = (_takesLast ? made : LastStep(made), new Extent(1));
            _graph.Outputs.Add((OutputName(made, wish.Length > 0 ? wish : "output"), OnnxType.Float, Dims(extents)));
        }
        foreach ((string name, string[] dims) in _present)
            _graph.Outputs.Add((name, OnnxType.Float, dims));
    }

    /// <summary>Gives a value the name under which it goes out; what comes in or goes out already is copied.</summary>
    private string OutputName(string made, string wish)
    {
        string name = _graph.Free(wish);
        bool computed = _graph.Nodes.Exists(n => n.Outputs.Contains(made));
        if (!computed || _graph.Outputs.Exists(o => o.Name == made) || _present.Exists(p => p.Name == made))
        {
            _graph.Node("Identity", $"{name}/Identity", [made], [name]);
            return name;
        }
        _graph.Rename(made, name);
        return name;
    }

    private static string[] Dims(IEnumerable<Extent> extents) => [.. extents.Select(e => e.ToString())];

    /// <summary>What this program reads again: class names, what outputs stand for, and the preprocessing where it is not among the nodes.</summary>
    private List<(string Key, string Value)> Metadata()
    {
        List<(string, string)> metadata = [];
        if (_model.ClassNames.Count > 0)
            metadata.Add((OnnxMetadata.ClassNames, new JsonArray([.. _model.ClassNames.Select(n => (JsonNode)n)]).ToJsonString()));
        if (_model.OutputKind is { } kind)
            metadata.Add((OnnxMetadata.OutputKind, OutputKindText.Of(kind)));
        if (_options.IncludePreprocessing)
            metadata.Add((OnnxMetadata.Preprocessing, PreprocessingJson.Write(Preprocessing.None with { Input = _model.Preprocessing!.Input }).ToJsonString()));
        else if (_model.Preprocessing is { } p)
        {
            metadata.Add((OnnxMetadata.Preprocessing, PreprocessingJson.Write(p).ToJsonString()));
            if (p.MeanImage is { } mean)
                metadata.Add((OnnxMetadata.MeanImage, OnnxMetadata.Write(mean)));
        }
        return metadata;
    }
}
