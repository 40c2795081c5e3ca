using Graft.Inference;
using Graft.Kernels.Cuda;
using Graft.Layers;
using Graft.Tests.CudaEmulator;
using Graft.Tests.Training;
using Xunit;

namespace Graft.Tests.Inference;

/// <summary>Plans on the emulated GPU: one CUDA graph a shape, and what becomes of it when something changes.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaPlanTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    [InlineData(true, true, true)]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    public void A_steady_run_is_one_launch_without_allocation_and_has_the_bits_of_single_launches(bool residual, bool usesCudnn, bool isOneToOne)
    {
        emulator.Begin($"{nameof(A_steady_run_is_one_launch_without_allocation_and_has_the_bits_of_single_launches)} {residual} {usesCudnn} {isOneToOne}");
        float[] Run(bool usesGraphs)
        {
            using var gpu = new EmulatedGpu(isOneToOne: isOneToOne, usesCudnn: usesCudnn, usesGraphs: usesGraphs);
            Model model = Build(gpu, residual);
            float[] samples = PlanModels.Samples(model, 3), outputs = new float[9];
            using (InferencePlan plan = InferencePlan.Compile(model))
            {
                plan.Run(samples, 3, outputs);
                float[] first = [.. outputs];
                emulator.ResetCounters();
                for (int i = 0; i < 3; i++)
                    plan.Run(samples, 3, outputs);
                Assert.Equal(first, outputs);
                if (usesGraphs)
                {
                    Assert.Equal((3ul, 0ul, 0ul), (emulator.Counter("graph_launches"), emulator.Counter("allocations"), emulator.Counter("frees")));
                    Assert.Equal((3ul, 3ul), (emulator.Counter("copies_to_device"), emulator.Counter("copies_to_host")));
                    Assert.Matches(@"\nCUDA graph: [1-9]\d* kernels and copies, one launch a run\n$", plan.Describe());
                }
                else
                {
                    Assert.Equal(0ul, emulator.Counter("graph_launches"));
                    Assert.EndsWith("\nNo CUDA graph: GRAFT_CUDA_GRAPHS is off\n", plan.Describe(), StringComparison.Ordinal);
                }
            }
            model.Release();
            return outputs;
        }
        Assert.Equal(Run(usesGraphs: false), Run(usesGraphs: true));
    }

    [Fact]
    public void Weights_that_change_in_place_are_followed_and_those_that_are_replaced_are_recorded_anew()
    {
        emulator.Begin(nameof(Weights_that_change_in_place_are_followed_and_those_that_are_replaced_are_recorded_anew));
        using var gpu = new EmulatedGpu();
        Model model = Build(gpu, residual: true);
        float[] samples = PlanModels.Samples(model, 2), outputs = new float[6];
        using (InferencePlan plan = InferencePlan.Compile(model))
        {
            void Check(int graphLaunches)
            {
                emulator.ResetCounters();
                plan.Run(samples, 2, outputs);
                Assert.Equal((ulong)graphLaunches, emulator.Counter("graph_launches"));
                Assert.True(PlanModels.Deviation(PlanModels.Eager(model, samples, 2), outputs) < 2e-5);
            }
            Check(0);
            Check(1);
            PlanModels.Fill(model, seed: 5); // in place
            Check(1);
            foreach (Parameter p in model.Parameters)
                p.Release();
            PlanModels.Fill(model, seed: 6); // new tensors
            Check(0);
            Check(1);
            plan.Run(PlanModels.Samples(model, 9), 9, new float[27]); // the arena moves
            Check(0);
            Check(1);
        }
        model.Release();
    }

    [Theory]
    [InlineData("capture", 1)]
    [InlineData("capture", 2)]
    [InlineData("instantiate", 1)]
    public void A_plan_that_cannot_be_recorded_says_so_leaves_nothing_behind_and_can_be_run_again(string kind, int call)
    {
        emulator.Begin($"{nameof(A_plan_that_cannot_be_recorded_says_so_leaves_nothing_behind_and_can_be_run_again)} {kind} {call}");
        using var gpu = new EmulatedGpu();
        Model model = Build(gpu, residual: false);
        float[] samples = PlanModels.Samples(model, 2), outputs = new float[6];
        using (InferencePlan plan = InferencePlan.Compile(model))
        {
            emulator.Inject(kind, (ulong)call, 2); // CUDA_ERROR_OUT_OF_MEMORY
            CudaException e = Assert.Throws<CudaException>(() => plan.Run(samples, 2, outputs));
            Assert.Contains("CUDA_ERROR_OUT_OF_MEMORY (2)", e.Message, StringComparison.Ordinal);
            plan.Run(samples, 2, outputs);
            plan.Run(samples, 2, outputs);
            emulator.Inject("launch", 1, 719); // CUDA_ERROR_LAUNCH_FAILED
            Assert.Contains("cuGraphLaunch(", Assert.Throws<CudaException>(() => plan.Run(samples, 2, outputs)).Message, StringComparison.Ordinal);
            plan.Run(samples, 2, outputs);
            Assert.True(PlanModels.Deviation(PlanModels.Eager(model, samples, 2), outputs) < 2e-5);
        }
        model.Release();
    }

    [Fact]
    public void A_step_that_takes_numbers_from_the_host_keeps_a_plan_from_being_recorded()
    {
        emulator.Begin(nameof(A_step_that_takes_numbers_from_the_host_keeps_a_plan_from_being_recorded));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(6) { new Dense(5), new Lambda((tape, x) => tape.Run(new FromHost(), x), s => s), new Dense(2) };
        model.MoveTo(gpu.Device);
        float[] samples = PlanModels.Samples(model, 2), outputs = new float[4];
        using (InferencePlan plan = InferencePlan.Compile(model))
        {
            plan.Run(samples, 2, outputs);
            plan.Run(samples, 2, outputs);
            Assert.EndsWith("\nNo CUDA graph: it brings numbers from the host\n", plan.Describe(), StringComparison.Ordinal);
        }
        model.Release();
    }

    [Fact]
    public void An_id_that_is_no_row_is_told_when_the_outputs_are_read_also_by_a_graph()
    {
        emulator.Begin(nameof(An_id_that_is_no_row_is_told_when_the_outputs_are_read_also_by_a_graph));
        using var gpu = new EmulatedGpu();
        var model = new Sequential(4) { new Embedding(10, 3), new Flatten(), new Dense(2) };
        model.MoveTo(gpu.Device);
        var outputs = new float[2];
        using (InferencePlan plan = InferencePlan.Compile(model))
        {
            for (int i = 0; i < 3; i++)
            {
                Assert.Contains("id 10 at position 2 ", Assert.Throws<GraftException>(() => plan.Run([1, 9, 10, 3], 1, outputs)).Message, StringComparison.Ordinal);
                Assert.Contains("id 0.5 at position 0 ", Assert.Throws<GraftException>(() => plan.Run([0.5f, 9, 10, 3], 1, outputs)).Message, StringComparison.Ordinal);
                plan.Run([1, 9, 0, 3], 1, outputs);
                Assert.True(PlanModels.Deviation(PlanModels.Eager(model, [1, 9, 0, 3], 1), outputs) < 1e-5);
            }
            Assert.Contains("\nCUDA graph: ", plan.Describe(), StringComparison.Ordinal);
        }
        model.Release();
    }

    private static Model Build(EmulatedGpu gpu, bool residual)
    {
        Model model = residual ? CudaTrainingTests.SmallResNet() : CudaTrainingTests.SmallVgg();
        model.MoveTo(gpu.Device);
        return PlanModels.Fill(model);
    }

    /// <summary>Adds a number that it has on the host.</summary>
    private sealed class FromHost : Graft.Ops.Op
    {
        public override string Name => "FromHost";

        public override Shape InferShape(ReadOnlySpan<Shape> inputs) => inputs[0];

        public override void Forward(Graft.Ops.OpCall call)
        {
            call.Kernels.Memory.Copy(call.In(0).Data, call.Output.Data, call.Output.Count);
            call.Kernels.Memory.Upload<float>([3], call.Output.Data);
        }

        public override void Backward(Graft.Ops.OpCall call) => throw new InvalidOperationException("Inference alone.");
    }
}
