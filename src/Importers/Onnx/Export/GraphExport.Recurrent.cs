using Graft.Inference;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Importers.Onnx;

/// <content>Recurrent layers as LSTM, GRU and RNN where these compute the same.</content>
internal sealed partial class GraphExport
{
    // Gates i, f, c, o of an LSTM are i, o, f, c in ONNX; those of the others have one order.
    private static int[] GateOrder(RecurrentKind kind) => kind switch { RecurrentKind.Lstm => [0, 3, 1, 2], RecurrentKind.Simple => [0], _ => [0, 1, 2] };

    private void AddRecurrent(TracedOp op, RecurrentOp recurrent)
    {
        if ((recurrent.OptionalInputs & RecurrentInputs.Dropout) != 0)
            throw Refuse(op, "it drops states, which is for training");
        if (!TryAddNative(op, recurrent))
            AddScan(op, recurrent);
    }

    private Tensor? Optional(TracedOp op, RecurrentInputs input) => ((RecurrentOp)op.Op).Index(input) is >= 0 and int index ? op.Inputs[index] : null;

    /// <summary>One node that multiplies the inputs too, where there is no mask, the functions are known to ONNX, and of an LSTM no cells but the last are read.</summary>
    private bool TryAddNative(TracedOp op, RecurrentOp recurrent)
    {
        GateFunction[] functions = recurrent.Kind switch
        {
            RecurrentKind.Lstm => [recurrent.RecurrentActivation, recurrent.Activation, recurrent.Activation],
            RecurrentKind.Simple => [recurrent.Activation],
            _ => [recurrent.RecurrentActivation, recurrent.Activation],
        };
        bool known = (recurrent.OptionalInputs & RecurrentInputs.Mask) == 0 && Array.TrueForAll(functions, f => OnnxFunction(f) is not null)
            && _producers.TryGetValue(op.Inputs[0], out TracedOp? projection) && projection.Op is DenseOp && projection.Inputs.Skip(1).All(IsWeight) && IsWeight(op.Inputs[1])
            && (Optional(op, RecurrentInputs.Bias) is not { } bias || IsWeight(bias));
        if (!known || !OutputsAre(op, recurrent, out List<(Tensor Tensor, int State)> last, out List<Tensor> all))
            return false;
        (string y, string[] states) = AddNative(op, recurrent, _producers[op.Inputs[0]], functions);
        foreach ((Tensor tensor, int state) in last)
        {
            Define(tensor, Emit("Squeeze", [states[state], _graph.Integers(0)]));
            for (Tensor cut = _producers[tensor].Inputs[0]; cut != op.Output; cut = _producers[cut].Inputs[0])
                _passedBy.Add(cut);
        }
        if (all.Count == 0)
            return true;
        string steps = Emit("Squeeze", [y, _graph.Integers(1)]); // [T,1,N,U] -> [T,N,U]
        if (recurrent.ReadsBackwards != recurrent.WritesBackwards)
            steps = Slice(steps, 0, -1, int.MinValue, -1); // ONNX writes each output where its input stands
        all.ForEach(t => Define(t, steps, [1, 0, 2]));
        return true;
    }

    /// <summary>Finds what reads the states: those of all steps, and those after the last one.</summary>
    private bool OutputsAre(TracedOp op, RecurrentOp recurrent, out List<(Tensor Tensor, int State)> last, out List<Tensor> all)
    {
        (last, all) = ([], []);
        int units = op.Inputs[1].Shape[0], steps = op.Output.Shape[1], end = recurrent.WritesBackwards ? 0 : steps - 1;
        bool isLstm = recurrent.Kind == RecurrentKind.Lstm;
        foreach (TracedOp reader in Wanted(op.Output))
        {
            if (isLstm && reader.Op is SliceOp { Axis: 2, Start: 0 } hidden && hidden.Length == units)
                all.Add(reader.Output);
            else if (reader.Op is SliceOp { Axis: 1, Length: 1 } step && step.Start == end && (isLstm ? LastOfLstm(reader, units) : LastOf(reader)) is { } found)
                last.AddRange(found);
            else if (isLstm)
                return false;
            else
                all.Add(op.Output);
        }
        if (Array.Exists(_trace.Outputs, o => o == op.Output))
            all.Add(op.Output);
        all = [.. all.Distinct()];
        return !isLstm || !all.Contains(op.Output);
    }

    private IEnumerable<TracedOp> Wanted(Tensor tensor) => _readers.GetValueOrDefault(tensor, []).Where(r => _wanted.Contains(r.Output));

    private List<(Tensor, int)>? LastOf(TracedOp step)
    {
        TracedOp[] readers = [.. Wanted(step.Output)];
        return Array.TrueForAll(readers, r => r.Op is ReshapeOp && r.Output.Shape.Rank == 2) ? [.. readers.Select(r => (r.Output, 0))] : null;
    }

    private List<(Tensor, int)>? LastOfLstm(TracedOp step, int units)
    {
        List<(Tensor, int)> states = [];
        foreach (TracedOp part in Wanted(step.Output))
        {
            if (part.Op is not SliceOp { Axis: 2 } slice || slice.Length != units || LastOf(part) is not { } found)
                return null;
            states.AddRange(found.Select(f => (f.Item1, slice.Start / units)));
        }
        return states;
    }

    private (string Y, string[] States) AddNative(TracedOp op, RecurrentOp recurrent, TracedOp projection, GateFunction[] functions)
    {
        string name = recurrent.Kind switch { RecurrentKind.Lstm => "LSTM", RecurrentKind.Simple => "RNN", _ => "GRU" };
        Tensor kernel = Constant(projection.Inputs[1])!, weights = Constant(op.Inputs[1])!;
        int units = weights.Shape[0];
        int[] gates = GateOrder(recurrent.Kind);
        string[] initial = InitialStates(op, recurrent, units);
        string[] inputs =
        [
            In(projection.Inputs[0], [1, 0, 2]), // [T,N,I]
            Weight(kernel, "gates", new Shape(1, gates.Length * units, kernel.Shape[0]), values => Gates(values, kernel.Shape[0], units, gates)),
            Weight(weights, "gates", new Shape(1, gates.Length * units, units), values => Gates(values, units, units, gates)),
            Biases(op, projection, units, gates), "", // no lengths: all steps count
            .. initial.Select(s => Emit("Unsqueeze", [s, _graph.Integers(0)])),
        ];
        string y = _graph.Free(Name("Y"));
        string[] states = [.. Enumerable.Range(0, RecurrentGeometry.StatesOf(recurrent.Kind)).Select(i => _graph.Free(Name(i == 0 ? "Y_h" : "Y_c")))];
        (string Name, float[] Alpha, float[] Beta)[] known = Array.ConvertAll(functions, f => OnnxFunction(f)!.Value);
        List<ProtoMessage> attributes =
        [
            OnnxGraph.Attribute("hidden_size", (long)units), OnnxGraph.Attribute("direction", recurrent.ReadsBackwards ? "reverse" : "forward"),
            OnnxGraph.TextsAttribute("activations", [.. known.Select(f => f.Name)]),
        ];
        if (known.Any(f => f.Alpha.Length > 0))
            attributes.Add(OnnxGraph.FloatsAttribute("activation_alpha", [.. known.SelectMany(f => f.Alpha)]));
        if (known.Any(f => f.Beta.Length > 0))
            attributes.Add(OnnxGraph.FloatsAttribute("activation_beta", [.. known.SelectMany(f => f.Beta)]));
        if (recurrent.Kind == RecurrentKind.GruResetAfter)
            attributes.Add(OnnxGraph.Attribute("linear_before_reset", 1L));
        _graph.Node(name, Name(name), inputs, [y, .. states], [.. attributes]);
        return (y, states);
    }

    /// <summary>Each state before the first step, [N,U]; none where it is zeros.</summary>
    private string[] InitialStates(TracedOp op, RecurrentOp recurrent, int units)
    {
        if (Optional(op, RecurrentInputs.Initial) is not { } initial)
            return [];
        string all = Plain(initial);
        int states = RecurrentGeometry.StatesOf(recurrent.Kind);
        return states == 1 ? [all] : [.. Enumerable.Range(0, states).Select(i => Slice(all, 1, i * units, (i + 1) * units, 1))];
    }

    /// <summary>[rows, gates U] to [gates U, rows], gates in another order.</summary>
    private static float[] Gates(float[] values, int rows, int units, int[] order)
    {
        var result = new float[values.Length];
        int width = order.Length * units;
        for (int g = 0, at = 0; g < order.Length; g++)
        {
            for (int u = 0; u < units; u++)
            {
                for (int r = 0; r < rows; r++)
                    result[at++] = values[r * width + order[g] * units + u];
            }
        }
        return result;
    }

    /// <summary>[1, 2 gates U]: those of the inputs, then those of the recurrent product.</summary>
    private string Biases(TracedOp op, TracedOp projection, int units, int[] gates)
    {
        Tensor? inputs = projection.Inputs.Length > 2 ? Constant(projection.Inputs[2]) : null, states = Optional(op, RecurrentInputs.Bias) is { } own ? Constant(own) : null;
        if (inputs is null && states is null)
            return "";
        int width = gates.Length * units;
        float[] Ordered(Tensor? bias) => bias is null ? new float[width] : Gates(bias.ToArray(), 1, units, gates);
        return _graph.Floats(Name("bias"), new Shape(1, 2 * width), () => [.. Ordered(inputs), .. Ordered(states)]);
    }

    /// <summary>A function by the name that ONNX's recurrent operators have for it, with its parameters; null where they have none.</summary>
    private static (string Name, float[] Alpha, float[] Beta)? OnnxFunction(GateFunction function) => function.Kind switch
    {
        GateFunctionKind.Linear => ("Affine", [1], [0]),
        GateFunctionKind.Formula => function.Formula switch
        {
            UnaryFormula.ReLU => ("Relu", [], []),
            UnaryFormula.Tanh => ("Tanh", [], []),
            UnaryFormula.Sigmoid => ("Sigmoid", [], []),
            UnaryFormula.HardSigmoid => ("HardSigmoid", [1 / 6f], [0.5f]),
            UnaryFormula.HardSigmoidKeras2 => ("HardSigmoid", [0.2f], [0.5f]),
            UnaryFormula.LeakyReLU => ("LeakyRelu", [function.Alpha], []),
            UnaryFormula.ELU => ("Elu", [function.Alpha], []),
            UnaryFormula.Softsign => ("Softsign", [], []),
            UnaryFormula.Softplus => ("Softplus", [], []),
            _ => null,
        },
        _ => null,
    };
}
