using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Layers;
using Graft.Models;
using Graft.Tests.CudaEmulator;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>Training steps on the emulated GPU of which a call fails, or which have too little memory: nothing is left behind, nothing is half done, and the next step works.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaFailureTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int CompilationFailed = 6; // NVRTC_ERROR_COMPILATION
    private static readonly Shape Image = new(8, 7, 3);

    public static TheoryData<string, string> KindsAndNetworks
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string kind in FailureSweep.Kinds.Select(k => k.Kind))
            {
                if (kind != "cudnn")
                    data.Add(kind, "dense");
                data.Add(kind, "residual");
                data.Add(kind, "residual in fp16");
                if (kind != "cudnn")
                    data.Add(kind, "GPT-2 in fp16");
            }
            return data;
        }
    }

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(KindsAndNetworks))]
    public void A_call_that_fails_anywhere_in_a_step_leaves_the_model_as_it_was(string kind, string network)
    {
        emulator.Begin($"{nameof(A_call_that_fails_anywhere_in_a_step_leaves_the_model_as_it_was)} {kind} {network}");
        using var gpu = new EmulatedGpu();
        using var trained = new Trained(gpu, network);
        int failed = FailureSweep.Calls(emulator, kind, trained.Step, threw =>
        {
            Assert.True(threw, "A step hid a failed call.");
            trained.AssertUnchanged();
        });
        Assert.True(failed >= kind switch { "cublaslt" => 1, "cublas" => 2, _ => 3 }, $"{failed} steps failed by {kind}."); // dense layers forward, and their gradients
        trained.AssertMoved();
    }

    [Theory]
    [InlineData("dense", true)]
    [InlineData("dense", false)]
    [InlineData("residual", true)]
    [InlineData("residual", false)]
    [InlineData("residual in fp16", true)]
    [InlineData("GPT-2 in fp16", true)]
    public void A_step_that_runs_out_of_memory_anywhere_leaves_the_model_as_it_was(string network, bool isOneToOne)
    {
        emulator.Begin($"{nameof(A_step_that_runs_out_of_memory_anywhere_leaves_the_model_as_it_was)} {network} {isOneToOne}");
        using var gpu = new EmulatedGpu(isOneToOne: isOneToOne);
        using var trained = new Trained(gpu, network);
        int failed = FailureSweep.Memory(emulator, gpu, trained.Step, trained.AssertUnchanged, step: network switch { "dense" => 64, "GPT-2 in fp16" => 1024, _ => 256 });
        Assert.True(failed > 10, $"{failed} steps ran out of memory.");
        trained.AssertMoved();
    }

    [Fact]
    public void The_first_step_may_run_out_of_memory_anywhere_and_all_is_given_back()
    {
        emulator.Begin(nameof(The_first_step_may_run_out_of_memory_anywhere_and_all_is_given_back));
        using var gpu = new EmulatedGpu();
        ArrayBatches data = Data("residual");
        int failed = FailureSweep.Memory(emulator, gpu, () =>
        {
            Model model = Build("residual", gpu.Device); // parameters, statistics and slots are not there yet
            try
            {
                model.Fit(data, 1);
            }
            finally
            {
                model.Optimizer!.Dispose();
                model.Release();
            }
        }, () => Assert.Equal(0, gpu.Device.Pool.LiveBlocks));
        Assert.True(failed > 20, $"{failed} steps ran out of memory.");
    }

    [Fact]
    public void A_model_that_does_not_fit_on_the_gpu_stays_where_it_was()
    {
        emulator.Begin(nameof(A_model_that_does_not_fit_on_the_gpu_stays_where_it_was));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(100) { new Dense(100), new Dense(100), new Dense(100) };
        model.MoveTo(Device.Cpu);
        float[] before = [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
        int failed = FailureSweep.Memory(emulator, gpu, () => model.MoveTo(gpu.Device), () =>
        {
            Assert.All(model.Parameters, p => Assert.Equal(Device.Cpu, p.Value.Device));
            Assert.Equal(before, model.Parameters.SelectMany(p => p.Value.ToArray()));
            Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
        }, step: 4096);
        Assert.True(failed > 3, $"{failed} moves ran out of memory.");
        Assert.Equal(before, model.Parameters.SelectMany(p => p.Value.ToArray()));
        model.Release();
    }

    [Fact]
    public void Any_kernel_may_fail_to_compile_and_is_compiled_when_it_is_asked_for_again()
    {
        emulator.Begin(nameof(Any_kernel_may_fail_to_compile_and_is_compiled_when_it_is_asked_for_again));
        ArrayBatches data = Data("residual");
        int failed = 0;
        for (bool fails = true; fails; failed += fails ? 1 : 0)
        {
            using var gpu = new EmulatedGpu(); // nothing is compiled yet
            Model model = Build("residual", gpu.Device);
            emulator.Inject("compile", (ulong)(2 * failed + 1), CompilationFailed); // at every other file
            try
            {
                model.Fit(data, 1);
                fails = false;
            }
            catch (CudaException e)
            {
                Assert.Contains("NVRTC", e.Message, StringComparison.Ordinal);
                model.Fit(data, 1);
            }
            emulator.Inject("compile", 0, 0);
            model.Optimizer!.Dispose();
            model.Release();
        }
        Assert.True(failed > 2, $"{failed} compilations failed.");
    }

    [Fact]
    public void Any_call_of_cudnn_may_fail_from_its_start_on_and_nothing_is_left_behind()
    {
        emulator.Begin(nameof(Any_call_of_cudnn_may_fail_from_its_start_on_and_nothing_is_left_behind));
        ArrayBatches data = CudaTrainingTests.Data(Image, classes: 1, samples: 2, batch: 2);
        int failed = FailureSweep.Calls(emulator, "cudnn", () =>
        {
            using var gpu = new EmulatedGpu(); // cuDNN is not started yet, and has no descriptors
            var model = new Sequential(Image[0], Image[1], Image[2]) { new Conv2D(2, 2, 2) { Padding = Padding.Same }, new Flatten(), new Dense(1) };
            model.MoveTo(gpu.Device);
            model.Compile(new Sgd(0.01f), Loss.BinaryCrossEntropy(fromLogits: true));
            try
            {
                model.Fit(data, 1);
            }
            finally
            {
                model.Release();
                Assert.Equal(0, gpu.Device.Pool.LiveBlocks);
            }
        }, _ => { }); // where cuDNN does not start, own kernels do the work
        Assert.True(failed >= 3, $"{failed} steps failed."); // its start, forward, the gradient of the weight
    }

    [Fact]
    public void Out_of_memory_in_a_step_names_the_largest_tensors()
    {
        emulator.Begin(nameof(Out_of_memory_in_a_step_names_the_largest_tensors));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(6) { new Dense(500, Activation.ReLU) { Name = "wide" }, new Dense(1) };
        model.MoveTo(gpu.Device);
        model.Compile(new Sgd(0.01f), Loss.BinaryCrossEntropy(fromLogits: true));
        ArrayBatches data = Data("dense");
        model.Fit(data, 1);
        gpu.Device.Pool.Trim();
        emulator.Configure("memory", emulator.Counter("bytes_live") + 17_000); // the output of the wide layer fits, what is made of it does not
        CudaOutOfMemoryException e = Assert.Throws<CudaOutOfMemoryException>(() => model.Fit(data, 1));
        Assert.Contains("The largest tensors of this step:\nwide/kernel ", e.Message, StringComparison.Ordinal);
        model.Release();
    }

    private static Model Build(string network, Device gpu)
    {
        if (network.StartsWith("GPT-2", StringComparison.Ordinal))
        {
            Gpt2 gpt = TinyText.Model(dropout: 0.1f);
            gpt.MoveTo(gpu);
            gpt.Compile(new AdamW(0.01f), Loss.SparseCategoricalCrossEntropy(fromLogits: true));
            return gpt;
        }
        bool residual = network != "dense";
        Model model = residual ? CudaTrainingTests.SmallResNet(Image[0], Image[1], 2) : new Sequential(6) { new Dense(5, Activation.ReLU), new Dropout(0.5f), new Dense(1) };
        model.MoveTo(gpu);
        // Of the residual network, weights decay and gains and biases do not: two launches move them.
        model.Compile(residual ? new AdamW(0.01f) { Decays = AdamW.AllButBiasesAndNorms, GlobalClipNorm = 1 } : new Adam(0.01f),
            residual ? Loss.SparseCategoricalCrossEntropy() : Loss.BinaryCrossEntropy(fromLogits: true));
        return model;
    }

    private static ArrayBatches Data(string network) => network switch
    {
        "dense" => CudaTrainingTests.Data(new Shape(6), classes: 1, samples: 8, batch: 8),
        "GPT-2 in fp16" => Tokens(),
        _ => CudaTrainingTests.Data(Image, classes: 3, samples: 2, batch: 2),
    };

    private static ArrayBatches Tokens()
    {
        float[] ids = [.. Enumerable.Range(0, 2 * TinyText.Length).Select(i => (float)(i * i % 7))];
        return new ArrayBatches(ids, new Shape(TinyText.Length), ids, new Shape(TinyText.Length), LabelKind.Sparse, batchSize: 2, shuffleSeed: null);
    }

    /// <summary>A model after a first step: everything is loaded and every slot is there. It knows where the next step must lead.</summary>
    private sealed class Trained : IDisposable
    {
        private readonly EmulatedGpu _gpu;
        private readonly Model _model;
        private readonly ArrayBatches _data;
        private readonly FitOptions _options;
        private readonly float[][] _before, _after;
        private readonly int _live;

        public Trained(EmulatedGpu gpu, string network)
        {
            (_gpu, _model, _data) = (gpu, Build(network, gpu.Device), Data(network));
            _options = new FitOptions { Precision = network.EndsWith("fp16", StringComparison.Ordinal) ? ComputePrecision.Float16 : ComputePrecision.Float32 };
            Step();
            _before = Numbers();
            (string, float[])[] state = [.. _model.Optimizer!.ExportState(_model)];
            Step();
            _after = Numbers();
            for (int i = 0; i < _before.Length; i++)
                _model.Parameters[i].Set(_before[i]);
            _model.Optimizer!.ImportState(_model, state);
            _live = gpu.Device.Pool.LiveBlocks;
        }

        public void Step() => _model.Fit(_data, 1, options: _options);

        /// <summary>Weights, statistics and the optimizer's counter are those of before.</summary>
        public void AssertUnchanged()
        {
            Assert.Equal(_live, _gpu.Device.Pool.LiveBlocks);
            Assert.Equal(1, _model.Optimizer!.Iterations);
            Assert.Equal(_before, Numbers());
        }

        /// <summary>They are what an undisturbed step makes of them, to the bit.</summary>
        public void AssertMoved()
        {
            Assert.Equal(_live, _gpu.Device.Pool.LiveBlocks);
            Assert.Equal(_after, Numbers());
            Assert.NotEqual(_before, _after);
        }

        public void Dispose()
        {
            _model.Optimizer!.Dispose();
            _model.Release();
        }

        private float[][] Numbers() => [.. _model.Parameters.Select(p => p.Value.ToArray())];
    }
}
