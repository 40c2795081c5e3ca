using Graft.Bench.Suite;
using Graft.Kernels;

namespace Graft.Bench.Ops;

/// <summary>Recurrent layers over all steps, with the product of their inputs: sizes of Keras's text and time-series examples.</summary>
public class RecurrentBench : OpBench
{
    private protected override IReadOnlyList<OpCase> Cases { get; } =
    [
        Of("LSTM of words", RecurrentKind.Lstm, 32, 80, 128, 128),
        Of("LSTM of words, one", RecurrentKind.Lstm, 1, 80, 128, 128),
        Of("LSTM of characters", RecurrentKind.Lstm, 64, 60, 57, 512),
        Of("GRU of weather", RecurrentKind.GruResetAfter, 256, 120, 14, 32),
        Of("GRU of words", RecurrentKind.Gru, 32, 80, 128, 128),
        Of("SimpleRNN of words", RecurrentKind.Simple, 32, 500, 32, 32),
    ];

    private static OpCase Of(string name, RecurrentKind kind, int batch, int steps, int inputs, int units)
    {
        int width = RecurrentGeometry.GatesOf(kind) * units, states = RecurrentGeometry.StatesOf(kind) * units;
        double rows = (double)batch * steps;
        return new OpCase($"{name} {batch}x{steps}x{inputs} to {units}", 2 * rows * (inputs + units) * width, 4 * (rows * (inputs + states) + (double)(inputs + units) * width))
        {
            Batch = batch,
            Graft = (set, work, n) =>
            {
                var tanh = new GateFunction(GateFunctionKind.Formula, UnaryFormula.Tanh);
                var sigmoid = new GateFunction(GateFunctionKind.Formula, UnaryFormula.Sigmoid);
                var dense = new DenseGeometry(n * steps, inputs, width);
                var g = new RecurrentGeometry(kind, n, steps, units, tanh, sigmoid);
                DevicePtr<float> x = work.Input("x", (long)n * steps * inputs, -1, 1), w = work.Input("w", (long)inputs * width, -0.1f, 0.1f);
                DevicePtr<float> r = work.Input("r", (long)units * width, -0.1f, 0.1f), projected = work.Output((long)n * steps * width), y = work.Output((long)n * steps * states);
                var operands = new RecurrentOperands(projected, r, default, default, default, default);
                return () =>
                {
                    set.Dense.Forward(dense, x, w, default, projected);
                    set.Recurrent.Forward(g, operands, y, default, default);
                };
            },
        };
    }
}
