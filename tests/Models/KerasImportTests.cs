using System.Text.Json.Nodes;
using Graft.Importers.Keras;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Models;

/// <summary>Whole models that Keras saved: what they predict, and how training goes on from where it was saved.</summary>
public sealed class KerasImportTests
{
    private const float Tolerance = 1e-5f; // as the reference gives it; Keras's own float32 errs by 5e-7
    private const float FullResNetTolerance = 1e-4f;
    private const int BatchSize = 8, StepsBefore = 4;

    private static readonly string[] s_stacks = ["small_vgg_rmsprop", "small_resnet_adam", "small_vgg_unfrozen_sgdm"];

    public static TheoryData<string, string> Files
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string stack in s_stacks)
            {
                foreach (string file in new[] { $"keras3/{stack}.keras", $"keras3/{stack}.h5", $"keras2_theano/{stack}.h5" })
                    data.Add(stack, file);
            }
            data.Add("small_resnet_adam", "keras3/small_resnet_adam_public_optimizer_name.keras");
            data.Add("small_resnet_adam", "keras2_theano/small_resnet_adam.theano.h5");
            data.Add("small_vgg_unfrozen_sgdm", "keras2_theano/small_vgg_unfrozen_sgdm.theano.h5");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_saved_model_predicts_what_Keras_predicted(string stack, string file)
    {
        KerasModel model = new KerasImport().Open(Reference(file.Split('/')));
        Near(Facts(file, stack, "pred"), Predict(model.Model), Tolerance);
        Assert.NotNull(model.Model.Optimizer);
        Assert.Equal(StepsBefore, model.Model.Optimizer.Iterations);
        model.Model.Optimizer.Dispose();
        model.Model.Release();
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Training_goes_on_as_it_did_in_Keras(string stack, string file)
    {
        // Keras 2.3.1 with Theano trains a frozen base on batch statistics, which TensorFlow's Keras 2 and Keras 3 do not: losses of these two differ by that rule.
        bool comparesLosses = file.StartsWith("keras3", StringComparison.Ordinal) || stack == "small_vgg_unfrozen_sgdm";
        KerasModel loaded = new KerasImport().Open(Reference(file.Split('/')));
        Model model = loaded.Model;
        float[] x = Data("x.npy"), y = Data(stack == "small_resnet_adam" ? "y_onehot.npy" : "y_binary.npy");
        int width = y.Length / 32;
        JsonArray after = JsonNode.Parse(File.ReadAllText(Reference(file.Split('/')[0], "facts.json")))![stack]!["after"]!.AsArray();
        for (int step = 0; step < after.Count; step++)
        {
            int from = (step + StepsBefore) * BatchSize % 32;
            var batch = new ArrayBatches(x[(from * 3072)..((from + BatchSize) * 3072)], new Shape(32, 32, 3), y[(from * width)..((from + BatchSize) * width)], new Shape(width),
                width == 1 ? LabelKind.Binary : LabelKind.Categorical, BatchSize);
            History row = model.Fit(batch, 1);
            if (!comparesLosses)
                continue;
            Assert.Equal((float)after[step]![0]!, (float)row.Last("loss"), Tolerance);
            Assert.Equal((float)after[step]![1]!, (float)row.Last("accuracy"), 1e-6f);
        }
        if (file.StartsWith("keras3", StringComparison.Ordinal)) // the moving variance of Keras 2's BatchNormalization with Theano has epsilon in it
            Near(Facts(file, stack, "pred_after"), Predict(model), Tolerance);
        Assert.Equal(StepsBefore + after.Count, model.Optimizer!.Iterations);
        model.Optimizer.Dispose();
        model.Release();
    }

    [Theory]
    [InlineData("keras3/small_vgg_rmsprop.weights.h5", "keras3/small_vgg_rmsprop.keras", "small_vgg_rmsprop")]
    [InlineData("keras3/small_resnet_adam.weights.h5", "keras3/small_resnet_adam.h5", "small_resnet_adam")]
    [InlineData("keras2_theano/small_resnet_adam_weights.h5", "keras2_theano/small_resnet_adam.h5", "small_resnet_adam")]
    [InlineData("keras2_theano/small_vgg_unfrozen_sgdm_weights.h5", "keras3/small_vgg_unfrozen_sgdm.keras", "small_vgg_unfrozen_sgdm")]
    public void Weights_alone_fit_the_architecture_of_another_file_whatever_the_layers_are_called_there(string weights, string architecture, string stack)
    {
        KerasModel model = new KerasImport().Open(Reference(weights.Split('/')), Reference(architecture.Split('/')));
        Near(Facts(weights, stack, "pred"), Predict(model.Model), Tolerance);
        model.Model.Optimizer?.Dispose();
        model.Model.Release();
    }

    [Theory]
    [InlineData("keras3/full_resnet50_adam.keras.gz", "input_full_64_first8.npy", "full_resnet50_adam", FullResNetTolerance)]
    [InlineData("keras2_theano/full_vgg16_rmsprop.h5.gz", "input_full_48_first8.npy", "full_vgg16_rmsprop", Tolerance)]
    public void A_full_network_nested_in_a_model_predicts_what_Keras_predicted(string file, string input, string stack, float tolerance)
    {
        using var files = new TemporaryFiles();
        KerasModel model = new KerasImport().Open(files.Unpack(Reference(file.Split('/'))));
        (int[] shape, float[] x) = Npy.Read(Reference(input));
        Near(Facts(file, stack, "pred"), [.. model.Model.Predict(x, new Shape(shape)).SelectMany(r => r)], tolerance);
        model.Model.Optimizer?.Dispose();
        model.Model.Release();
    }

    [Fact]
    public void An_imported_model_is_saved_with_its_training_and_goes_on_from_the_file_of_this_engine()
    {
        using var files = new TemporaryFiles();
        Model model = KerasImport.Load(Reference("keras3", "small_vgg_rmsprop.keras"));
        ModelFile.Save(model, files["small.graft"]);
        SavedModel saved = ModelFile.Load(files["small.graft"]);
        Assert.Equal(Predict(model), Predict(saved.Model));
        Assert.Equal([.. model.Optimizer!.ExportState(model).Select(s => s.Name)], saved.OptimizerState.Select(s => s.Name));
        Assert.Equal(model.Optimizer.ExportState(model).SelectMany(s => s.Values), saved.OptimizerState.SelectMany(s => s.Values));
        model.Optimizer.Dispose();
        model.Release();
        saved.Model.Release();
    }

    private static float[] Predict(Model model) => [.. model.Predict(Data("x.npy")[..(BatchSize * 3072)], new Shape(BatchSize, 32, 32, 3)).SelectMany(r => r)];

    private static float[] Data(string name) => Npy.Read(GraftShared.Path("reference", "keras", "training", "data", name)).Values;

    private static float[] Facts(string file, string stack, string name) =>
        [.. JsonNode.Parse(File.ReadAllText(Reference(file.Split('/')[0], "facts.json")))![stack]![name]!.AsArray().SelectMany(r => r!.AsArray()).Select(v => (float)v!)];

    private static string Reference(params string[] parts) => GraftShared.Path(["reference", "keras", "whole_models", .. parts]);

    private static void Near(float[] expected, float[] found, float tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        float most = expected.Zip(found, (e, f) => Math.Abs(e - f)).Max();
        Assert.True(most <= tolerance, $"differs by {most:g3}, more than {tolerance:g3}");
    }
}
