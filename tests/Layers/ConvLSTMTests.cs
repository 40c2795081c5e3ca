using Graft.Autograd;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>Convolutional LSTMs against LSTM, with which they agree on images of one pixel, and against a step worked with Conv2D.</summary>
[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class ConvLSTMTests
{
    private const int N = 2, T = 4, C = 3, F = 2;

    public static TheoryData<int> Ranks => [1, 2, 3];

    [Theory]
    [MemberData(nameof(Ranks))]
    public void On_images_of_one_pixel_it_is_an_LSTM_with_the_weights_of_the_middle_tap(int rank)
    {
        ConvLSTM layer = rank switch
        {
            1 => new ConvLSTM1D(F, 3) { Padding = Padding.Same, ReturnSequences = true, GoBackwards = true },
            2 => new ConvLSTM2D(F, 3, 3) { Padding = Padding.Same, ReturnSequences = true, GoBackwards = true },
            _ => new ConvLSTM3D(F, 3, 3, 3) { Padding = Padding.Same, ReturnSequences = true, GoBackwards = true },
        };
        int[] places = [.. Enumerable.Repeat(1, rank)];
        Node x = Node.Input(new Shape([T, .. places, C])), flat = Node.Input(new Shape(T, C));
        Model convolved = new(x, layer.Apply(x)), plain = new(flat, new LSTM(F) { ReturnSequences = true, GoBackwards = true }.Apply(flat));
        foreach (Parameter p in convolved.Parameters)
            p.Set(Random((int)p.Shape.Count, 10 + p.Position));
        for (int i = 0; i < 2; i++)
            plain.Parameters[i].Set(MiddleTap(convolved.Parameters[i]));
        plain.Parameters[2].Set(convolved.Parameters[2].Value.ToArray());
        float[] given = Random(N * T * C, 1);
        Near(Run(plain, given), Run(convolved, given));
        convolved.Release();
        plain.Release();
    }

    [Fact]
    public void The_second_step_convolves_the_first_ones_output_with_the_recurrent_kernel()
    {
        const int H = 4, W = 5;
        Node x = Node.Input(new Shape(2, H, W, C)), image = Node.Input(new Shape(H, W, C)), state = Node.Input(new Shape(2, 2, F));
        var layer = new ConvLSTM2D(F, 3, 3) { Strides = (2, 3), Padding = Padding.Same, ReturnSequences = true };
        var model = new Model(x, layer.Apply(x));
        foreach (Parameter p in model.Parameters)
            p.Set(Random((int)p.Shape.Count, 10 + p.Position));
        var input = new Conv2D(4 * F, 3, 3) { Strides = (2, 3), Padding = Padding.Same };
        var recurrent = new Conv2D(4 * F, 3, 3) { Padding = Padding.Same, UseBias = false };
        Model ofInput = new(image, input.Apply(image)), ofState = new(state, recurrent.Apply(state));
        input.Parameters[0].Set(layer.Parameters[0].Value.ToArray());
        input.Parameters[1].Set(layer.Parameters[2].Value.ToArray());
        recurrent.Parameters[0].Set(layer.Parameters[1].Value.ToArray());
        float[] given = Random(2 * H * W * C, 1), h = new float[2 * 2 * F], c = new float[2 * 2 * F];
        var expected = new List<float>();
        for (int t = 0; t < 2; t++)
        {
            float[] a = Run(ofInput, given[(t * H * W * C)..((t + 1) * H * W * C)]), b = Run(ofState, h);
            for (int place = 0; place < 4; place++)
            {
                for (int f = 0; f < F; f++)
                {
                    double Sum(int gate) => a[(place * 4 + gate) * F + f] + b[(place * 4 + gate) * F + f];
                    double i = RecurrentFormula.Sigmoid(Sum(0)), forget = RecurrentFormula.Sigmoid(Sum(1)), o = RecurrentFormula.Sigmoid(Sum(3));
                    c[place * F + f] = (float)(forget * c[place * F + f] + i * Math.Tanh(Sum(2)));
                    h[place * F + f] = (float)(o * Math.Tanh(c[place * F + f]));
                }
            }
            expected.AddRange(h);
        }
        Near([.. expected], Run(model, given));
        Array.ForEach([model, ofInput, ofState], m => m.Release());
    }

    // [4F,taps,I], all taps around the middle one see zeros: [I,4F] of the middle one.
    private static float[] MiddleTap(Parameter p)
    {
        float[] values = p.Value.ToArray();
        int outputs = p.Shape[0], inputs = p.Shape[-1], taps = values.Length / outputs / inputs;
        return [.. from i in Enumerable.Range(0, inputs) from o in Enumerable.Range(0, outputs) select values[(o * taps + taps / 2) * inputs + i]];
    }

    private static float[] Run(Model model, float[] x)
    {
        using var tape = new Tape(model.Device);
        return model.Forward(tape, [tape.Constant(model.Inputs[0].Shape.Prepend(x.Length / (int)model.Inputs[0].Shape.Count), x)]).ToArray();
    }

    private static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }

    /// <summary>Sums of some ten to fifty products in another order.</summary>
    private static void Near(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= 2e-6f, $"[{i}] is {actual[i]}, expected {expected[i]}.");
    }
}
