using Graft.Bench.Suite;
using Graft.Kernels;
using TorchSharp;
using TorchSharp.Modules;

namespace Graft.Bench.Ops;

/// <summary>
/// Optimizer steps over the weights of the VGG16 head (2.1 million), ResNet50 (25.6 million) and GPT-2 (124 million numbers). The first step is compared;
/// later ones go on from there.
/// </summary>
public class OptimizerStepBench : OpBench
{
    private const float Rate = 1e-3f;

    private protected override IReadOnlyList<OpCase> Cases { get; } =
        [.. new[] { ("VGG16 head", 2_097_408L), ("ResNet50", 25_557_032L), ("GPT-2", 124_439_808L) }.SelectMany(s => Of(s.Item1, s.Item2))];

    private static IEnumerable<OpCase> Of(string name, long count)
    {
        yield return Step($"{name} SGD", count, slots: 0, flops: 2, (set, n, w, g, _) =>
            () => set.SgdStep.Step(new SgdStepSettings(Rate), [new(n, w, g)]), w => torch.optim.SGD([w], Rate));
        yield return Step($"{name} SGD with momentum", count, slots: 1, flops: 4, (set, n, w, g, slot) =>
            () => set.SgdStep.Step(new SgdStepSettings(Rate, 0.9f), [new(n, w, g, slot[0])]), w => torch.optim.SGD([w], Rate, momentum: 0.9));
        yield return Step($"{name} RMSprop", count, slots: 1, flops: 8, (set, n, w, g, slot) =>
            () => set.RmsPropStep.Step(new RmsPropStepSettings(Rate) { Epsilon = 0, OuterEpsilon = 1e-7f }, [new(n, w, g, slot[0])]), w => torch.optim.RMSProp([w], Rate, alpha: 0.9, eps: 1e-7));
        yield return Step($"{name} Adam", count, slots: 2, flops: 11, (set, n, w, g, slot) =>
            () => set.AdamStep.Step(new AdamStepSettings(Rate, 0.9f, 0.999f, 1e-7f, 0, 1), [new(n, w, g, slot[0], slot[1])]), w => torch.optim.Adam([w], Rate, eps: 1e-7 / Math.Sqrt(1 - 0.999))); // its epsilon joins the root after the correction of step 1
    }

    private static OpCase Step(
        string name, long count, int slots, double flops, Func<KernelSet, long, DevicePtr<float>, DevicePtr<float>, DevicePtr<float>[], Action> step, Func<Parameter, torch.optim.Optimizer> inTorch) =>
        new(name, flops * count, 4.0 * (3 + 2 * slots) * count) // weight and slots are read and written, the gradient is read
        {
            Batch = 1024, // parts of the weights
            Tolerance = 2e-5, // a step of 1e-3 divided by the root of a mean square that was rounded
            Graft = (set, work, part) =>
            {
                long n = count / 1024 * part;
                DevicePtr<float> w = work.InPlace(work.Input("w", n), n), g = work.Input("g", n);
                DevicePtr<float>[] slot = [.. Enumerable.Range(0, slots).Select(_ => work.Upload<float>(new float[n]))];
                return step(set, n, w, g, slot);
            },
            Torch = () =>
            {
                long n = count / 1024 * 1024;
                var w = new Parameter(torch.tensor(Numbers.Of("w", n)));
                w.grad = torch.tensor(Numbers.Of("g", n));
                torch.optim.Optimizer optimizer = inTorch(w);
                return new Peer(() => optimizer.step(), () => w.data<float>().ToArray(), () => { optimizer.Dispose(); w.Dispose(); });
            },
        };
}
