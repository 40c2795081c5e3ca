using Graft.Inference;
using Graft.Layers;
using Xunit;

namespace Graft.Tests.Inference;

/// <summary>Several threads use one model, as the requests of a service do.</summary>
public sealed class ConcurrentPredictTests
{
    private const int Threads = 8, Rounds = 40;

    [Fact]
    public void Threads_that_use_a_model_for_the_first_time_at_once_get_the_numbers_of_one_alone()
    {
        float[] x = [.. Enumerable.Range(0, 12 * 12 * 3).Select(i => (i % 11) / 11f)];
        var shape = new Shape(1, 12, 12, 3);
        for (int round = 0; round < Rounds; round++)
        {
            var model = new Sequential(12, 12, 3) { new Conv2D(8, 3) { Activation = Activation.ReLU }, new BatchNormalization(), new Conv2D(8, 3), new GlobalAveragePooling2D(), new Dense(4, Activation.Softmax) };
            foreach (Parameter p in model.Parameters)
                _ = p.Value; // as in a model that was loaded: the plan alone is not there yet
            float[][] results = new float[Threads][];
            var plans = new InferencePlan?[Threads];
            using var start = new Barrier(Threads);
            Thread[] threads = [.. Enumerable.Range(0, Threads).Select(i => new Thread(() =>
            {
                start.SignalAndWait();
                plans[i] = model.Plans.ForInference();
                results[i] = Run(model, x, shape);
            }))];
            Array.ForEach(threads, t => t.Start());
            Array.ForEach(threads, t => t.Join());
            Assert.All(plans, p => Assert.Same(model.Plans.ForInference(), p)); // one that another thread drops may be at work
            float[] alone = model.Predict(x, shape)[0];
            Assert.All(results, r => Assert.Equal(alone, r));
            model.Release();
        }
    }

    // An error of a thread would end the whole program: it becomes an empty result.
    private static float[] Run(Model model, float[] x, Shape shape)
    {
        try
        {
            return model.Predict(x, shape)[0];
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return [];
        }
    }
}
