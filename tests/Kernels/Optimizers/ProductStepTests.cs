using Graft.Kernels;
using Graft.Kernels.Cpu;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.Optimizers;

/// <summary>A step within the product that is its gradient gives the bits of a step behind it, whatever the formula, the sizes, the threads and the vectors.</summary>
[Collection(CpuThreadsCollection.Name)] // sets the threads and the width of vectors
public sealed class ProductStepTests
{
    private static readonly Dictionary<string, (int Slots, Action<KernelSet, StepTensor[]> Step)> s_steps = new()
    {
        ["sgd"] = (0, (k, t) => k.SgdStep.Step(new(0.1f), t)),
        ["momentum"] = (1, (k, t) => k.SgdStep.Step(new(0.1f, 0.9f), t)),
        ["nesterov"] = (1, (k, t) => k.SgdStep.Step(new(0.1f, 0.9f, true), t)),
        ["rmsprop"] = (1, (k, t) => k.RmsPropStep.Step(new(0.1f), t)),
        ["rmsprop centered with momentum"] = (3, (k, t) => k.RmsPropStep.Step(new(0.1f, 0.9f, 0.9f), t)),
        ["adam"] = (2, (k, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 0, 3), t)),
        ["amsgrad with decay"] = (3, (k, t) => k.AdamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 0.1f, 3), t)),
        ["adagrad"] = (1, (k, t) => k.AdagradStep.Step(new(0.1f), t)),
        ["adadelta"] = (2, (k, t) => k.AdadeltaStep.Step(new(0.1f, 0.95f, 1e-6f), t)),
        ["adamax"] = (2, (k, t) => k.AdamaxStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 3), t)),
        ["nadam"] = (2, (k, t) => k.NadamStep.Step(new(0.1f, 0.9f, 0.999f, 1e-7f, 3), t)),
    };

    // Blocks of 64 rows and 256 or 1024 columns, tiles of 4 or 6 rows and 8 to 64 columns: whole, one more, one less, and narrower than any; fewer rows of x than a tile has vectors, and more.
    private static readonly DenseGeometry[] s_sizes = [new(20, 128, 256), new(1, 65, 64), new(5, 129, 1), new(64, 7, 300), new(3, 130, 257), new(2, 1, 70), new(20, 67, 33), new(7, 300, 250), new(3, 20, 1030)];

    // Without slots, with one and with all; the others, whose code is the same for every width, take the widest of the process: the JIT's work on each is a third of a second.
    private static readonly string[] s_allWidths = ["sgd", "rmsprop", "amsgrad with decay"];

    public static TheoryData<string> Formulas => [.. s_steps.Keys];

    [Theory, MemberData(nameof(Formulas))]
    public void The_bits_are_those_of_the_gradient_and_then_the_step(string formula)
    {
        foreach (int bits in s_allWidths.Contains(formula) ? LaneWidth.All : [LaneWidth.Widest])
        {
            float[][] separate = Run(KernelSet.Cpu, formula, asProduct: false, threads: 1, bits);
            foreach (int threads in new[] { 1, 2, 3 })
                Assert.Equal(separate, Run(KernelSet.Cpu, formula, asProduct: true, threads, bits));
        }
    }

    [Theory, MemberData(nameof(Formulas))]
    public void So_they_are_in_plain_loops(string formula) =>
        Assert.Equal(Run(KernelSet.Reference, formula, asProduct: false, 1, LaneWidth.Widest), Run(KernelSet.Reference, formula, asProduct: true, 1, LaneWidth.Widest));

    [Fact]
    public void Kernels_take_products_that_are_smaller_than_what_they_are_made_of_and_large_enough()
    {
        var head = new DenseGeometry(20, 8192, 256);
        Assert.True(KernelSet.Cpu.Gradient.TakesProduct(head));
        Assert.True(KernelSet.Reference.Gradient.TakesProduct(head));
        Assert.False(KernelSet.Cpu.Gradient.TakesProduct(head with { N = 65 })); // arithmetic is the limit
        Assert.False(KernelSet.Cpu.Gradient.TakesProduct(new DenseGeometry(20, 256, 1)));
        Assert.False(KernelSet.Reference.Gradient.TakesProduct(new DenseGeometry(300, 256, 256))); // x and dy are larger than dw
    }

    /// <summary>Weights and slots of all sizes after one step; every second gradient is scaled, every third limited.</summary>
    private static float[][] Run(KernelSet kernels, string formula, bool asProduct, int threads, int bits)
    {
        (int threadsBefore, int bitsBefore) = (CpuThreads.Count, LaneWidth.Current);
        (CpuThreads.Count, LaneWidth.Current) = (threads, bits);
        (int slots, Action<KernelSet, StepTensor[]> step) = s_steps[formula];
        var blocks = new List<(DevicePtr<float> Block, int Count)>();
        DevicePtr<float> New(int count, float from, float to)
        {
            blocks.Add((KernelBlocks.New(kernels.Memory, KernelBlocks.Numbers(count, blocks.Count, from, to)), count));
            return blocks[^1].Block;
        }
        StepTensor[] tensors = [.. s_sizes.Select((g, i) =>
        {
            int count = g.I * g.O;
            DevicePtr<float> x = New(g.N * g.I, -1, 1), dy = New(g.N * g.O, -1, 1), dw = New(count, 0, 1), w = New(count, -1, 1);
            DevicePtr<float> Slot(int slot) => slot < slots ? New(count, slot == 2 ? 0 : 2, slot == 2 ? 1 : 3) : DevicePtr<float>.Null; // the third may be a mean, whose square is taken off
            DevicePtr<float> a = Slot(0), b = Slot(1), c = Slot(2);
            if (!asProduct)
                kernels.Dense.BackwardWeight(g, x, dy, dw, 0);
            return new StepTensor(count, w, asProduct ? DevicePtr<float>.Null : dw, a, b, c)
            {
                Product = asProduct ? new GradientProduct(g, x, dy) : default,
                Factor = i % 2 == 0 ? 1 : 0.5f,
                Limit = i % 3 == 0 ? float.PositiveInfinity : 0.3f,
            };
        })];
        kernels.Gradient.PrepareProducts(tensors);
        step(kernels, tensors);
        float[][] moved = [.. tensors.SelectMany(t => new[] { t.W, t.A, t.B, t.C }.Where(p => !p.IsNull).Select(p => KernelBlocks.Read(kernels.Memory, p, (int)t.Count)))];
        blocks.ForEach(b => kernels.Memory.Free(b.Block.Address));
        (CpuThreads.Count, LaneWidth.Current) = (threadsBefore, bitsBefore);
        Assert.All(moved, numbers => Assert.All(numbers, v => Assert.True(float.IsFinite(v))));
        return moved;
    }
}
