using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>An optimizer remembers things of the weights of one model, and is that one's.</summary>
public sealed class OptimizerOwnerTests
{
    [Fact]
    public void One_that_is_compiled_into_two_models_is_refused_and_the_first_trains_on()
    {
        using var adam = new Adam(0.02f);
        Model first = TrainingData.BinaryModel(adam), alone = TrainingData.BinaryModel(), second = TrainingData.BinaryModel();
        first.Name = "cats";
        first.Fit(TrainingData.Binary(), 1);
        string message = Assert.Throws<GraftException>(() => second.Compile(adam, Loss.BinaryCrossEntropy())).Message;
        Assert.Equal("Model 'sequential': this adam is compiled into model 'cats' and remembers that one's steps (5 done); compile each model with an optimizer of its own. To move it over without what it remembers, call its Dispose first.", message);
        second.Compile(new Adam(), Loss.BinaryCrossEntropy()); // gives back what is its own
        second.Fit(TrainingData.Binary(), 1);
        first.Fit(TrainingData.Binary(), 2, options: new FitOptions { InitialEpoch = 1 });
        alone.Fit(TrainingData.Binary(), 2);
        Assert.Equal(TrainingData.Weights(alone), TrainingData.Weights(first));
    }

    [Fact]
    public void Compiled_into_its_own_model_again_it_goes_on()
    {
        using var adam = new Adam(0.02f);
        Model model = TrainingData.BinaryModel(adam), alone = TrainingData.BinaryModel();
        model.Fit(TrainingData.Binary(), 1);
        model.Compile(adam, Loss.BinaryCrossEntropy());
        model.Fit(TrainingData.Binary(), 2, options: new FitOptions { InitialEpoch = 1 });
        alone.Fit(TrainingData.Binary(), 2);
        Assert.Equal(TrainingData.Weights(alone), TrainingData.Weights(model));
    }

    [Fact]
    public void One_that_its_model_gave_up_serves_another_from_the_start()
    {
        using var adam = new Adam(0.02f);
        Model first = TrainingData.BinaryModel(adam), second = TrainingData.BinaryModel(), third = TrainingData.BinaryModel(), alone = TrainingData.BinaryModel();
        alone.Fit(TrainingData.Binary(), 1);
        first.Fit(TrainingData.Binary(), 1);
        first.Compile(new Sgd(), Loss.BinaryCrossEntropy()); // in its place
        second.Compile(adam, Loss.BinaryCrossEntropy());
        second.Fit(TrainingData.Binary(), 1);
        Assert.Equal(TrainingData.Weights(alone), TrainingData.Weights(second));
        second.Release(); // its weights are gone, and what was remembered of them
        third.Compile(adam, Loss.BinaryCrossEntropy());
        third.Fit(TrainingData.Binary(), 1);
        Assert.Equal(TrainingData.Weights(alone), TrainingData.Weights(third));
        Assert.Contains("compiled into model 'sequential'", Assert.Throws<GraftException>(() => second.Fit(TrainingData.Binary(), 1)).Message, StringComparison.Ordinal);
        second.Compile(new Sgd(), Loss.BinaryCrossEntropy()); // takes nothing of the third's
        Assert.Equal(5, adam.Iterations);
    }
}
