using Graft.Inference;
using Graft.Layers;
using Graft.Tests.CudaEmulator;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>What a training may be asked for does on the emulated GPU what it does on the processor: options, a model that changes devices, kept features.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaTrainingOptionsTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>Sums in another order: some roundings a step, which the steps of an optimizer carry on.</summary>
    private const double Tolerance = 2e-5;

    private static readonly Shape s_images = new(8, 8, 3);

    private static readonly Dictionary<string, (Func<Optimizer> Optimizer, FitOptions Options)> s_trainings = new()
    {
        ["several batches a step"] = (() => new Adam(0.01f), new FitOptions { AccumulationSteps = 2 }),
        ["activations computed again"] = (() => new Adadelta(0.5f), new FitOptions { CheckpointEvery = 2 }),
        ["each norm clipped"] = (() => new Sgd(0.05f, momentum: 0.9f, nesterov: true) { ClipNorm = 0.1f }, new FitOptions()),
        ["values clipped"] = (() => new Adamax(0.01f) { ClipValue = 0.01f }, new FitOptions()),
        ["one norm clipped, decay of some"] = (() => new AdamW(0.01f) { GlobalClipNorm = 0.1f, Decays = AdamW.AllButBiasesAndNorms }, new FitOptions()),
        ["rates by parameter"] = (() => new Nadam(0.01f) { LearningRateFactor = p => p.Name == "bias" ? 0.5f : 1 }, new FitOptions()),
        ["weights of classes"] = (() => new Adagrad(0.01f), new FitOptions { ClassWeights = new Dictionary<int, float> { [0] = 0.5f, [1] = 2, [2] = 1 } }),
    };

    public static TheoryData<string> Trainings => [.. s_trainings.Keys];

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(Trainings))]
    public void A_training_ends_where_the_processor_ends(string name)
    {
        emulator.Begin($"{nameof(A_training_ends_where_the_processor_ends)} {name}");
        using var gpu = new EmulatedGpu();
        (Func<Optimizer> rule, FitOptions options) = s_trainings[name];
        float[] Train(Device device)
        {
            var model = new Sequential(8, 8, 3)
            {
                new RandomFlip(), new Conv2D(4, 3, 3) { UseBias = false, KernelRegularizer = Regularizer.L2(0.01f) }, new BatchNormalization(), new ReLU(), new SpatialDropout2D(0.2f), new MaxPooling2D(2),
                new Flatten(), new Dense(6, Activation.Gelu) { BiasRegularizer = Regularizer.L1(0.01f) }, new GaussianNoise(0.1f), new Dense(3, Activation.Softmax),
            };
            model.SetSeed(4);
            model.MoveTo(device);
            using Optimizer optimizer = rule();
            model.Compile(optimizer, Loss.SparseCategoricalCrossEntropy());
            History history = model.Fit(Data(), 2, options: options);
            float[] numbers = [.. model.Parameters.SelectMany(p => p.Value.ToArray()), (float)history.Last("loss")];
            model.Release();
            return numbers;
        }
        AssertNear(Train(Device.Cpu), Train(gpu.Device));
        Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
    }

    [Fact]
    public void A_training_that_changes_devices_goes_on_as_on_one()
    {
        emulator.Begin(nameof(A_training_that_changes_devices_goes_on_as_on_one));
        using var gpu = new EmulatedGpu();
        float[] Train(params Device[] devices)
        {
            Model model = CudaTrainingTests.SmallResNet(8, 8, 4);
            model.SetSeed(1);
            using var optimizer = new Sgd(0.01f, momentum: 0.9f);
            using var average = new WeightAverage(0.5f);
            model.Compile(optimizer, Loss.SparseCategoricalCrossEntropy());
            var history = new History();
            for (int epoch = 0; epoch < devices.Length; epoch++)
            {
                model.MoveTo(devices[epoch]);
                history = model.Fit(Data(), epoch + 1, Data(), new FitOptions { InitialEpoch = epoch, History = history, Callbacks = [average] });
            }
            float[] numbers = [.. model.Parameters.SelectMany(p => p.Value.ToArray()), .. history["val_loss"].Select(v => (float)v)];
            model.Release();
            return numbers;
        }
        AssertNear(Train(Device.Cpu, Device.Cpu, Device.Cpu), Train(Device.Cpu, gpu.Device, Device.Cpu));
        AssertNear(Train(Device.Cpu, Device.Cpu, Device.Cpu), Train(gpu.Device, Device.Cpu, gpu.Device));
        Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
    }

    [Theory]
    [InlineData(1L << 30, 0)]
    [InlineData(1L, 0)] // in a file
    [InlineData(1L << 30, 2)]
    public void Features_that_are_kept_give_the_bits_of_a_base_that_runs_each_time(long budget, int copies)
    {
        emulator.Begin($"{nameof(Features_that_are_kept_give_the_bits_of_a_base_that_runs_each_time)} {budget} {copies}");
        using var gpu = new EmulatedGpu();
        float[] Train(Device device, bool keeps)
        {
            Model basis = CudaTrainingTests.SmallResNet(8, 8, 4);
            basis.SetSeed(3);
            basis.Trainable = false;
            var model = new Sequential(8, 8, 3) { basis, new Dense(8, Activation.Tanh), new Dropout(0.3f), new Dense(3) };
            model.SetSeed(4);
            model.MoveTo(device);
            using var optimizer = new Adam(0.01f);
            model.Compile(optimizer, Loss.SparseCategoricalCrossEntropy(fromLogits: true));
            History history = model.Fit(Data(), 3, Data(), new FitOptions { FeatureCache = new FeatureCacheOptions { IsEnabled = keeps, MemoryBudget = budget, AugmentedCopies = copies } });
            float[] numbers = [.. model.Parameters.SelectMany(p => p.Value.ToArray()), (float)history.Last("val_loss")];
            model.Release();
            return numbers;
        }
        float[] kept = Train(gpu.Device, keeps: true);
        Assert.Equal(Train(gpu.Device, keeps: false), kept);
        AssertNear(Train(Device.Cpu, keeps: true), kept);
        Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
    }

    private static ArrayBatches Data() => CudaTrainingTests.Data(s_images, classes: 3, samples: 14, batch: 4);

    private static void AssertNear(float[] expected, float[] actual) => Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, Tolerance));
}
