using Graft.Autograd;
using Graft.Layers;
using Graft.Training;

namespace Graft.Bench.Quick;

/// <summary>The head of a frozen VGG16 on stored features: 8192 numbers, Dense 256 ReLU, Dense 1 sigmoid, trained by RMSprop in batches of 20.</summary>
internal sealed class HeadStep : IDisposable
{
    public const int Features = 8192, Units = 256, BatchSize = 20;
    public const float Rate = 2e-5f, Rho = 0.9f, Epsilon = 1e-7f;

    private const int FeatureSeed = 3, WeightSeed = 4;

    private readonly Sequential _model = new(Features) { new Dense(Units, Activation.ReLU), new Dense(1, Activation.Sigmoid) };
    private readonly ArrayBatches _data;

    /// <param name="samples">Samples of an epoch.</param>
    public HeadStep(int samples)
    {
        var random = new Random(FeatureSeed);
        Samples = new float[samples * Features];
        foreach (ref float f in Samples.AsSpan())
            f = Math.Max(0, (float)(random.NextDouble() * 2 - 1)); // behind a ReLU
        Labels = [.. Enumerable.Range(0, samples).Select(i => (float)(i % 2))];
        _data = new ArrayBatches(Samples, new Shape(Features), Labels, new Shape(1), LabelKind.Binary, BatchSize);
        _model.SetSeed(WeightSeed);
        _model.Compile(new RMSprop(Rate, Rho, epsilon: Epsilon) { EpsilonOutsideRoot = true }, Loss.BinaryCrossEntropy(), Metric.Accuracy); // epsilon as PyTorch has it
    }

    /// <summary>[samples, Features].</summary>
    public float[] Samples { get; }

    /// <summary>0 or 1 a sample.</summary>
    public float[] Labels { get; }

    /// <summary>Steps of an epoch.</summary>
    public int Steps => _data.BatchesPerEpoch;

    /// <summary>Kernel [in,out] and bias of each layer, in order.</summary>
    public IReadOnlyList<Parameter> Parameters => _model.Parameters;

    /// <summary>One epoch of training.</summary>
    public void Train() => Train(null);

    /// <summary>The same, with the time of each op.</summary>
    public void Train(OpTimes? times) => _model.Fit(_data, epochs: 1, options: new FitOptions { Times = times });

    /// <summary>One pass of evaluation.</summary>
    public void Evaluate() => _model.Evaluate(_data);

    /// <summary>Outputs of the first batch.</summary>
    public float[] Output() => [.. _model.Predict(Samples[..(BatchSize * Features)], new Shape(BatchSize, Features)).SelectMany(r => r)];

    public void Dispose()
    {
        _model.Optimizer!.Dispose();
        _model.Release();
    }
}
