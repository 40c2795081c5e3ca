using Graft.Inference;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Importers.Onnx;

/// <content>Recurrent layers that LSTM, GRU and RNN do not cover: one step as a graph of its own, run by Scan.</content>
internal sealed partial class GraphExport
{
    private void AddScan(TracedOp op, RecurrentOp recurrent)
    {
        int units = op.Inputs[1].Shape[0], states = RecurrentGeometry.StatesOf(recurrent.Kind);
        bool hasMask = (recurrent.OptionalInputs & RecurrentInputs.Mask) != 0;
        string[] initial = InitialStates(op, recurrent, units);
        if (initial.Length == 0)
            initial = [.. Enumerable.Repeat(Emit("Expand", [_graph.Scalar(0), Extents([_trace.Of(op.Output)[0], new Extent(units)])]), states)];
        (OnnxGraph body, string[] captured) = Step(op, recurrent, units, states, hasMask);
        string[] scanned = hasMask ? [Plain(op.Inputs[0]), Plain(Optional(op, RecurrentInputs.Mask)!)] : [Plain(op.Inputs[0])];
        long[] axes = [.. scanned.Select(_ => 1L)], directions = [.. scanned.Select(_ => recurrent.ReadsBackwards ? 1L : 0L)];
        string y = _graph.Free(Name("steps"));
        string[] after = [.. initial.Select((_, i) => _graph.Free(Name($"state_{i}")))];
        ProtoMessage[] attributes =
        [
            OnnxGraph.Attribute("body", body), OnnxGraph.Attribute("num_scan_inputs", (long)scanned.Length), OnnxGraph.Attribute("scan_input_axes", axes),
            OnnxGraph.Attribute("scan_input_directions", directions), OnnxGraph.Attribute("scan_output_axes", [1L]),
            OnnxGraph.Attribute("scan_output_directions", [recurrent.WritesBackwards ? 1L : 0L]),
        ];
        _graph.Nodes.Add(new OnnxNode("Scan", _graph.Free(Name("Scan")), [.. initial, .. scanned], [.. after, y], attributes) { Captured = captured });
        Define(op.Output, y);
    }

    /// <summary>The graph of a step: states, the projected inputs, and the mask where there is one, to states and the output.</summary>
    private (OnnxGraph Body, string[] Captured) Step(TracedOp op, RecurrentOp recurrent, int units, int states, bool hasMask)
    {
        int gates = RecurrentGeometry.GatesOf(recurrent.Kind);
        string[] weights = RecurrentWeights(op, recurrent, units);
        (OnnxGraph outer, string layer, string prefix) = (_graph, _layer, _graph.Free(Name("step")));
        (_graph, _layer) = (new OnnxGraph($"{prefix}/"), prefix);
        try
        {
            string batch = _trace.Of(op.Output)[0].ToString();
            string[] before = [.. Enumerable.Range(0, states).Select(i => Incoming($"state_{i}", batch, $"{units}"))];
            string x = Incoming("x", batch, $"{gates * units}");
            string? mask = hasMask ? Incoming("mask", batch) : null;
            string[] after = recurrent.Kind switch
            {
                RecurrentKind.Lstm => LstmStep(recurrent, units, x, before, weights),
                RecurrentKind.Simple => [Gate(recurrent.Activation, Emit("Add", [x, Emit("MatMul", [before[0], weights[0]])]))],
                _ => [GruStep(recurrent, units, x, before[0], weights)],
            };
            if (mask is not null)
            {
                string counts = Emit("Unsqueeze", [Emit("Not", [Emit("Equal", [mask, _graph.Scalar(0)])]), _graph.Integers(1)]);
                after = [.. after.Select((s, i) => Emit("Where", [counts, s, before[i]]))];
            }
            string y = states == 1 ? Emit("Identity", after) : Emit("Concat", after, OnnxGraph.Attribute("axis", 1L));
            foreach (string state in after)
                _graph.Outputs.Add((state, OnnxType.Float, [batch, $"{units}"]));
            _graph.Outputs.Add((y, OnnxType.Float, [batch, $"{states * units}"]));
            return (_graph, weights);
        }
        finally
        {
            (_graph, _layer) = (outer, layer);
        }
    }

    private string Incoming(string name, params string[] dims)
    {
        name = _graph.Free(Name(name));
        _graph.Inputs.Add((name, OnnxType.Float, dims));
        return name;
    }

    /// <summary>The recurrent weights, and the bias of their product; of a GRU that resets before the product, those of the new value apart.</summary>
    private string[] RecurrentWeights(TracedOp op, RecurrentOp recurrent, int units)
    {
        string all = Plain(op.Inputs[1]);
        if (recurrent.Kind == RecurrentKind.Gru)
            return [Slice(all, 1, 0, 2 * units, 1), Slice(all, 1, 2 * units, 3 * units, 1)];
        return Optional(op, RecurrentInputs.Bias) is { } bias ? [all, Plain(bias)] : [all];
    }

    private string[] LstmStep(RecurrentOp recurrent, int units, string x, string[] before, string[] weights)
    {
        string[] sums = Parts(Emit("Add", [x, Emit("MatMul", [before[0], weights[0]])]), units, 4); // i, f, c, o
        string input = Gate(recurrent.RecurrentActivation, sums[0]), forget = Gate(recurrent.RecurrentActivation, sums[1]), output = Gate(recurrent.RecurrentActivation, sums[3]);
        string cell = Emit("Add", [Emit("Mul", [forget, before[1]]), Emit("Mul", [input, Gate(recurrent.Activation, sums[2])])]);
        return [Emit("Mul", [output, Gate(recurrent.Activation, cell)]), cell];
    }

    private string GruStep(RecurrentOp recurrent, int units, string x, string before, string[] weights)
    {
        string[] inputs = Parts(x, units, 3); // z, r, h
        string update, fresh;
        if (recurrent.Kind == RecurrentKind.GruResetAfter)
        {
            string product = Emit("MatMul", [before, weights[0]]);
            string[] products = Parts(weights.Length > 1 ? Emit("Add", [product, weights[1]]) : product, units, 3);
            update = Gate(recurrent.RecurrentActivation, Emit("Add", [inputs[0], products[0]]));
            string reset = Gate(recurrent.RecurrentActivation, Emit("Add", [inputs[1], products[1]]));
            fresh = Gate(recurrent.Activation, Emit("Add", [inputs[2], Emit("Mul", [reset, products[2]])]));
        }
        else
        {
            string[] products = Parts(Emit("MatMul", [before, weights[0]]), units, 2);
            update = Gate(recurrent.RecurrentActivation, Emit("Add", [inputs[0], products[0]]));
            string reset = Gate(recurrent.RecurrentActivation, Emit("Add", [inputs[1], products[1]]));
            fresh = Gate(recurrent.Activation, Emit("Add", [inputs[2], Emit("MatMul", [Emit("Mul", [reset, before]), weights[1]])]));
        }
        return Emit("Add", [Emit("Mul", [update, before]), Emit("Mul", [Emit("Sub", [_graph.Scalar(1), update]), fresh])]);
    }

    private string[] Parts(string x, int units, int count)
    {
        string[] parts = [.. Enumerable.Range(0, count).Select(i => _graph.Free(Name($"part_{i}")))];
        _graph.Node("Split", Name("Split"), [x, _graph.Integers([.. Enumerable.Repeat((long)units, count)])], parts, OnnxGraph.Attribute("axis", 1L));
        return parts;
    }

    private string Gate(GateFunction function, string x) => function.Kind switch
    {
        GateFunctionKind.Linear => x,
        GateFunctionKind.Softmax => Emit("Softmax", [x], OnnxGraph.Attribute("axis", -1L)),
        GateFunctionKind.LogSoftmax => Emit("LogSoftmax", [x], OnnxGraph.Attribute("axis", -1L)),
        _ => Formula(function.Formula, function.Alpha, function.Beta, x),
    };
}
