using Graft.Kernels;
using Graft.Layers;

namespace Graft.Importers.Onnx;

/// <content>LSTM, GRU and RNN.</content>
internal sealed partial class GraphImport
{
    private void AddRecurrent(RecurrentKind kind)
    {
        string direction = Text("direction", "forward");
        int directions = direction == "bidirectional" ? 2 : 1, units = (int)Integer("hidden_size", 0);
        if (kind == RecurrentKind.Gru && Integer("linear_before_reset", 0) == 1)
            kind = RecurrentKind.GruResetAfter;
        if (Has(4) || Has(7) || _node.Attribute("clip") is not null || Integer("input_forget", 0) != 0 || Integer("layout", 0) != 0)
            throw Refuse("has lengths of sequences, peepholes, a clip, coupled gates or layout 1, which are not known");
        if (directions == 2 && (Has(5) || Has(6)))
            throw Refuse("has initial states in two directions, which are not known");
        Activation[] functions = Functions(kind, directions);
        Node x = As(ValueAt(0), [1, 0, 2]); // [T,N,I]
        bool hasSequences = IsRead(0), hasStates = IsRead(1) || IsRead(2);
        List<Node> sequences = [], hidden = [], cells = [];
        for (int d = 0; d < directions; d++)
        {
            bool backwards = d == 1 || direction == "reverse";
            Activation[] own = functions[(d * functions.Length / directions)..((d + 1) * functions.Length / directions)];
            RecurrentUnits layer = Cell(kind, units, own, hasSequences, hasStates, backwards);
            Node y = Apply(layer, [x, .. InitialStates(kind)]);
            FillRecurrent(layer, kind, units, d);
            if (hasSequences) // ONNX writes each output where its input stands
                sequences.Add(Aid(new Reshape(y.Shape[0], 1, units), backwards ? Aid(new Reverse(1), y) : y)); // [T,1,U]
            if (hasStates)
                hidden.Add(Aid(new Reshape(1, units), y.Outputs[1]));
            if (hasStates && kind == RecurrentKind.Lstm)
                cells.Add(Aid(new Reshape(1, units), y.Outputs[2]));
        }
        SetDirections(sequences, 2, [1, 2, 0, 3], 0); // [T,directions,N,U]
        SetDirections(hidden, 1, [1, 0, 2], 1); // [directions,N,U]
        SetDirections(cells, 1, [1, 0, 2], 2);
    }

    private bool IsRead(int output) => output < _node.Outputs.Count && _node.Outputs[output] is { Length: > 0 } name && (_readers.ContainsKey(name) || _file.Outputs.Exists(o => o.Name == name));

    private void SetDirections(List<Node> nodes, int axis, int[] order, int output)
    {
        if (nodes.Count > 0)
            Set(new ImportedValue(nodes.Count == 1 ? nodes[0] : Aid(new Concatenate(axis), [.. nodes]), order), output);
    }

    private static RecurrentUnits Cell(RecurrentKind kind, int units, Activation[] functions, bool sequences, bool states, bool backwards) => kind switch
    {
        RecurrentKind.Lstm => new LSTM(units) { RecurrentActivation = functions[0], Activation = functions[1], ReturnSequences = sequences, ReturnState = states, GoBackwards = backwards },
        RecurrentKind.Simple => new SimpleRNN(units) { Activation = functions[0], ReturnSequences = sequences, ReturnState = states, GoBackwards = backwards },
        _ => new GRU(units)
        {
            RecurrentActivation = functions[0], Activation = functions[1], ResetAfter = kind == RecurrentKind.GruResetAfter, ReturnSequences = sequences, ReturnState = states, GoBackwards = backwards,
        },
    };

    private Node[] InitialStates(RecurrentKind kind)
    {
        List<Node> states = [];
        for (int i = 5; i < (kind == RecurrentKind.Lstm ? 7 : 6); i++)
        {
            if (!Has(i) || (ConstantAt(i) is { } zeros && Array.TrueForAll(zeros.Floats, z => z == 0)))
                continue;
            Node state = As(ValueAt(i), [1, 0, 2]); // [1,N,U]
            states.Add(Aid(new Flatten(), state));
        }
        return states.Count == 0 || states.Count == RecurrentGeometry.StatesOf(kind) ? [.. states] : throw Refuse("has one of two initial states; both are due, or none");
    }

    private void FillRecurrent(RecurrentUnits layer, RecurrentKind kind, int units, int direction)
    {
        int[] gates = kind switch { RecurrentKind.Lstm => [0, 2, 3, 1], RecurrentKind.Simple => [0], _ => [0, 1, 2] }; // i, f, c, o of ONNX's i, o, f, c
        ImportedConstant w = Weights(1, "weights"), r = Weights(2, "recurrent weights");
        int width = gates.Length * units, inputs = w.Dims[^1];
        float[] Part(ImportedConstant all, int count) => all.Floats.AsSpan(direction * count, count).ToArray();
        Fill(layer, "kernel", Gates(Part(w, width * inputs), inputs, units, gates));
        Fill(layer, "recurrent_kernel", Gates(Part(r, width * units), units, units, gates));
        float[] both = Has(3) ? Part(Weights(3, "bias"), 2 * width) : new float[2 * width];
        float[] ofInputs = Gates(both[..width], 1, units, gates), ofStates = Gates(both[width..], 1, units, gates);
        Fill(layer, "bias", kind == RecurrentKind.GruResetAfter ? [.. ofInputs, .. ofStates] : [.. ofInputs.Zip(ofStates, (a, b) => a + b)]);
    }

    /// <summary>[gates U, rows] to [rows, gates U]; gate g of the result is gate order[g] of what is given.</summary>
    private static float[] Gates(float[] values, int rows, int units, int[] order)
    {
        var result = new float[values.Length];
        int width = order.Length * units;
        for (int r = 0; r < rows; r++)
        {
            for (int g = 0; g < order.Length; g++)
            {
                for (int u = 0; u < units; u++)
                    result[r * width + g * units + u] = values[(order[g] * units + u) * rows + r];
            }
        }
        return result;
    }

    /// <summary>The functions of all gates, direction by direction, with their parameters taken from the lists in which the file has them.</summary>
    private Activation[] Functions(RecurrentKind kind, int directions)
    {
        string[] usual = kind switch { RecurrentKind.Lstm => ["Sigmoid", "Tanh", "Tanh"], RecurrentKind.Simple => ["Tanh"], _ => ["Sigmoid", "Tanh"] };
        string[] names = _node.Attribute("activations")?.Texts is { Count: > 0 } given ? [.. given] : [.. Enumerable.Repeat(usual, directions).SelectMany(u => u)];
        if (names.Length != usual.Length * directions)
            throw Refuse($"names {names.Length} activations; {usual.Length * directions} are due");
        var alphas = new Queue<float>(_node.Attribute("activation_alpha")?.Floats ?? []);
        var betas = new Queue<float>(_node.Attribute("activation_beta")?.Floats ?? []);
        Activation[] functions = Array.ConvertAll(names, n => Function(n, alphas, betas));
        if (kind == RecurrentKind.Lstm && Enumerable.Range(0, directions).Any(d => functions[3 * d + 1] != functions[3 * d + 2]))
            throw Refuse($"has different functions for cells and outputs ({string.Join(", ", names)}); one for both is known");
        return functions;
    }

    private Activation Function(string name, Queue<float> alphas, Queue<float> betas)
    {
        float Alpha(float otherwise) => alphas.TryDequeue(out float a) ? a : otherwise;
        float Beta(float otherwise) => betas.TryDequeue(out float b) ? b : otherwise;
        Activation? known = name.ToUpperInvariant() switch
        {
            "SIGMOID" => Activation.Sigmoid,
            "TANH" => Activation.Tanh,
            "RELU" => Activation.ReLU,
            "SOFTSIGN" => Activation.Softsign,
            "SOFTPLUS" => Activation.Softplus,
            "AFFINE" => Alpha(1) == 1 && Beta(0) == 0 ? Activation.Linear : null,
            "ELU" => Alpha(1) == 1 ? Activation.ELU : null,
            "LEAKYRELU" => Alpha(0.01f) == 0.2f ? Activation.LeakyReLU : null,
            "HARDSIGMOID" => HardSigmoid(Alpha(0.2f), Beta(0.5f)),
            _ => null,
        };
        return known ?? throw Refuse($"has the activation {name} with parameters that no layer here has; known are Sigmoid, Tanh, Relu, Softsign, Softplus, Affine (1, 0), Elu (1), LeakyRelu (0.2), HardSigmoid (0.2, 1/6 or 0.5, with 0.5)");
    }
}
