using Graft.Importers.Images;
using Graft.Importers.Onnx;
using Graft.Inference;
using Graft.Models;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Inference;

[Collection(CpuThreadsCollection.Name)] // much arithmetic: the worker pool is to be had alone
public sealed class PhotographTests
{
    /// <summary>Share of the largest feature, with trained weights and Winograd in the 3x3 convolutions of stride 1. Measured: 4.2e-6.</summary>
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData("cats_dogs", 450)]
    [InlineData("flowers", 450)]
    public void A_trained_network_sees_in_every_photograph_what_it_sees_op_by_op(string set, int count)
    {
        string weights = Path.Combine(AppContext.BaseDirectory, "weights");
        Model model = ImageNetResNet18.Build(224, 224, Pooling.Average);
        ImageNetResNet18.LoadWeights(model, OnnxWeights.Open(Path.Combine(weights, "ResNet18.onnx")));
        Preprocessing preprocess = ImageNetResNet18.Preprocess(OnnxWeights.Open(Path.Combine(weights, "ResNetPreprocess.onnx")));
        int seen = 0;
        double worst = 0;
        foreach (string part in new[] { "train", "validation" })
        {
            ImageFolder folder = ImageFolder.Open(GraftShared.Path("data", set, part), (224, 224), 30, preprocess, new ImageFolderOptions { Resize = ResizeFilter.Bilinear });
            model.PlanOptions = PlanOptions.Default;
            float[][] planned = model.Predict(folder, TestContext.Current.CancellationToken);
            model.PlanOptions = PlanOptions.Eager;
            float[][] eager = model.Predict(folder, TestContext.Current.CancellationToken);
            for (int i = 0; i < eager.Length; i++, seen++)
            {
                Assert.Equal(Array.IndexOf(eager[i], eager[i].Max()), Array.IndexOf(planned[i], planned[i].Max()));
                worst = Math.Max(worst, PlanModels.Deviation(eager[i], planned[i]));
            }
        }
        Assert.Equal(count, seen);
        Assert.True(worst <= Tolerance, $"largest deviation: {worst:g3}");
        model.Release();
    }
}
