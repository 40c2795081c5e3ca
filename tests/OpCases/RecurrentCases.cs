using Graft.Kernels;
using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class RecurrentCases
{
    private static readonly RecurrentKind[] Kinds = [RecurrentKind.Simple, RecurrentKind.Lstm, RecurrentKind.Gru, RecurrentKind.GruResetAfter];

    public static OpCase[] All { get; } =
    [
        .. Kinds.SelectMany(k => new[]
        {
            Case(k, 2, 4, 3, Tanh, Sigmoid),
            Case(k, 1, 1, 2, Tanh, Sigmoid),
            Case(k, 2, 3, 3, Tanh, Sigmoid, RecurrentInputs.Initial),
            Case(k, 3, 4, 2, Tanh, Sigmoid, RecurrentInputs.Mask),
            Case(k, 2, 3, 5, Tanh, Sigmoid, RecurrentInputs.Initial | RecurrentInputs.Dropout | RecurrentInputs.Mask),
            Case(k, 2, 4, 3, Tanh, Sigmoid, RecurrentInputs.Mask | RecurrentInputs.Dropout, reads: true),
            Case(k, 2, 4, 3, Tanh, Sigmoid, RecurrentInputs.Initial, reads: true, writes: true),
            Case(k, 2, 3, 3, Tanh, Of(UnaryFormula.HardSigmoidKeras2), scale: 0.5), // between the kinks
            Case(k, 2, 3, 3, Of(UnaryFormula.SiLU), Of(UnaryFormula.Softplus), RecurrentInputs.Initial, scale: 0.5), // these need the sums
            Case(k, 2, 3, 3, Of(UnaryFormula.Gelu), Sigmoid, scale: 0.5),
            Case(k, 2, 3, 3, new(GateFunctionKind.Linear), Of(UnaryFormula.ELU, 1), scale: 0.3),
            Case(k, 2, 3, 4, new(GateFunctionKind.Softmax), new(GateFunctionKind.LogSoftmax), scale: 0.3),
            Case(k, 2, 3, 4, Tanh, new(GateFunctionKind.Softmax)),
            Case(k, 9, 5, 17, Tanh, Sigmoid, RecurrentInputs.Mask | RecurrentInputs.Initial) with { ChecksGradient = false }, // two groups
            Case(k, 70, 3, 33, Tanh, Sigmoid) with { ChecksGradient = false }, // large groups
            Case(k, 20, 6, 40, Tanh, Sigmoid, RecurrentInputs.Dropout) with { ChecksGradient = false },
        }),
        Case(RecurrentKind.GruResetAfter, 2, 3, 3, Tanh, Sigmoid, RecurrentInputs.Bias),
        Case(RecurrentKind.GruResetAfter, 3, 3, 2, Tanh, Sigmoid, RecurrentInputs.Bias | RecurrentInputs.Initial | RecurrentInputs.Mask),
        Case(RecurrentKind.GruResetAfter, 70, 4, 20, Tanh, Sigmoid, RecurrentInputs.Bias | RecurrentInputs.Mask) with { ChecksGradient = false },
    ];

    private static GateFunction Tanh => Of(UnaryFormula.Tanh);

    private static GateFunction Sigmoid => Of(UnaryFormula.Sigmoid);

    private static GateFunction Of(UnaryFormula formula, float alpha = 0) => new(GateFunctionKind.Formula, formula, alpha);

    private static OpCase Case(RecurrentKind kind, int n, int t, int u, GateFunction f, GateFunction s, RecurrentInputs have = RecurrentInputs.None,
        bool reads = false, bool writes = false, double scale = 1)
    {
        int gates = RecurrentGeometry.GatesOf(kind), states = RecurrentGeometry.StatesOf(kind);
        var inputs = new List<OpInput>
        {
            new(new Shape(n, t, gates * u), -scale, scale),
            new(new Shape(u, gates * u), -scale / Math.Sqrt(u), scale / Math.Sqrt(u)),
        };
        if (have.HasFlag(RecurrentInputs.Bias))
            inputs.Add(new(new Shape(gates * u)));
        if (have.HasFlag(RecurrentInputs.Initial))
            inputs.Add(new(new Shape(n, states * u)));
        if (have.HasFlag(RecurrentInputs.Dropout))
            inputs.Add(new(new Shape(n, u), 0, 2));
        if (have.HasFlag(RecurrentInputs.Mask))
            inputs.Add(OpInput.FloatIds(new Shape(n, t), 0, 2));
        string name = $"Recurrent {kind} [{n},{t},{u}] {Name(f)} {Name(s)} {have}{(reads ? " reads backwards" : "")}{(writes ? " writes backwards" : "")}";
        return new(name, new RecurrentOp(kind, f, s, have, reads, writes), [.. inputs]);
    }

    private static string Name(GateFunction f) => f.Kind == GateFunctionKind.Formula ? f.Formula.ToString() : f.Kind.ToString();
}
