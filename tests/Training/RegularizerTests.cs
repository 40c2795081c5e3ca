using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class RegularizerTests
{
    private const double Tolerance = 1e-6; // a few roundings of float32 numbers near 1

    private static readonly float[] s_kernel = [0.5f, -1.5f];

    // Features of 0: the loss is (bias - label)^2, and the kernel moves by its regularizer alone.
    private static readonly ArrayBatches s_zeros = new(new float[4], new Shape(2), [2f, 2f], new Shape(1), LabelKind.Values, batchSize: 2);

    private static Sequential Build(Regularizer? kernel, Regularizer? bias)
    {
        var model = new Sequential(2) { new Dense(1) { Name = "d", KernelRegularizer = kernel, BiasRegularizer = bias } };
        model.Parameters[0].Set(s_kernel);
        model.Parameters[1].Set([1f]);
        model.Compile(new Sgd(0.1f), Loss.MeanSquaredError());
        return model;
    }

    [Fact]
    public void The_cost_is_in_the_loss_and_its_slope_in_the_step()
    {
        Sequential model = Build(Regularizer.L1L2(0.2f, 0.3f), Regularizer.L2(0.5f));
        double cost = 0.2 * 2 + 0.3 * (0.25 + 2.25) + 0.5;
        Assert.Equal(1 + cost, model.Evaluate(s_zeros).Loss, Tolerance);
        Assert.Equal(1 + cost, model.Fit(s_zeros, 1).Last("loss"), Tolerance);
        float[] kernel = model.Parameters[0].Value.ToArray();
        Assert.Equal(0.5 - 0.1 * (0.2 + 2 * 0.3 * 0.5), kernel[0], Tolerance);
        Assert.Equal(-1.5 - 0.1 * (-0.2 - 2 * 0.3 * 1.5), kernel[1], Tolerance);
        Assert.Equal(1 - 0.1 * (2 * (1 - 2) + 2 * 0.5), model.Parameters[1].Value.ToArray()[0], Tolerance);
        model.Release();
    }

    [Fact]
    public void A_frozen_layer_costs_nothing()
    {
        Sequential model = Build(Regularizer.L1(), null);
        Assert.Equal(1 + 0.01 * 2, model.Evaluate(s_zeros).Loss, Tolerance);
        model.Trainable = false;
        Assert.Equal(1, model.Evaluate(s_zeros).Loss, Tolerance);
        model.Release();
    }

    [Fact]
    public void A_regularized_step_leaves_no_block_behind()
    {
        Sequential model = Build(Regularizer.L1L2(0.2f, 0.3f), Regularizer.L1());
        model.Fit(s_zeros, 1);
        model.Evaluate(s_zeros); // the plan of the model: its arena stays until the model is released
        int before = model.Device.Pool.LiveBlocks;
        model.Fit(s_zeros, 1);
        model.Evaluate(s_zeros);
        Assert.Equal(before, model.Device.Pool.LiveBlocks);
        model.Release();
    }

    [Fact]
    public void Regularizers_survive_the_graph_json()
    {
        foreach (Layer layer in new Layer[]
        {
            new Dense(2) { KernelRegularizer = Regularizer.L2(0.3f), BiasRegularizer = Regularizer.L1(0.4f) },
            new Conv2D(2, 1, 1) { KernelRegularizer = Regularizer.L2(0.3f), BiasRegularizer = Regularizer.L1(0.4f) },
            new DepthwiseConv2D(1, 1) { KernelRegularizer = Regularizer.L2(0.3f), BiasRegularizer = Regularizer.L1(0.4f) },
        })
        {
            var config = new System.Text.Json.Nodes.JsonObject();
            GraphJson.Write(new Sequential(3, 3, 2) { layer }, config);
            Model copy = GraphJson.Read("copy", System.Text.Json.Nodes.JsonNode.Parse(config.ToJsonString())!);
            Assert.Equal([Regularizer.L2(0.3f), Regularizer.L1(0.4f)], copy.Parameters.Select(p => p.Regularizer));
        }
    }
}
