using Graft.Importers.Keras;
using Graft.Importers.Numpy;
using Graft.Importers.Safetensors;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Training;
using Graft.Training;
using Graft.Weights;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>graft export: models of this engine, of Keras and of Hugging Face in the forms of others.</summary>
[Collection("command line")]
public sealed class ExportCommandTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("keras", "m.keras")]
    [InlineData("keras-h5", "m.h5")]
    [InlineData("keras-h5", "m3.h5", "--keras-version", "3")]
    public void A_model_of_this_engine_runs_alike_from_what_is_written(string format, string name, params string[] options)
    {
        string model = Saved();
        (int code, string output, string error) = Run(["export", "--model", model, "--format", format, "--output", _files[name], .. options]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains($"Wrote {_files[name]}: {format}", output, StringComparison.Ordinal);
        Assert.Contains("note: pixels must be prepared as caffe (BGR, times 1, less 103.939 116.779 123.68, over 1 1 1)", output, StringComparison.Ordinal);
        Assert.Contains("note: the names of 2 classes are not kept: cat, dog", output, StringComparison.Ordinal);
        NpyFile.Write(_files["x.npy"], new Shape(1, 4, 4, 3), [.. Enumerable.Range(0, 48).Select(i => i / 48f)]);
        Assert.Equal(0, Run("run", "--model", model, "--input", _files["x.npy"], "--output", _files["a.npy"]).Code);
        Assert.Equal(0, Run("run", "--model", _files[name], "--input", _files["x.npy"], "--output", _files["b.npy"]).Code);
        Assert.Equal(NpyFile.Read(_files["a.npy"]).Values, NpyFile.Read(_files["b.npy"]).Values);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_ONNX_file_runs_alike_with_channels_at_either_end(bool channelsFirst)
    {
        string model = Saved();
        string[] options = channelsFirst ? ["--channels-first", "--opset", "18"] : [];
        Assert.Equal(0, Run(["export", "--model", model, "--format", "onnx", "--output", _files["m.onnx"], .. options]).Code);
        NpyFile.Write(_files["x.npy"], new Shape(1, 4, 4, 3), [.. Enumerable.Range(0, 48).Select(i => i / 48f)]);
        NpyFile.Write(_files["turned.npy"], new Shape(1, 3, 4, 4), [.. Enumerable.Range(0, 48).Select(i => (i % 16 * 3 + i / 16) / 48f)]);
        Assert.Equal(0, Run("run", "--model", model, "--input", _files["x.npy"], "--output", _files["a.npy"]).Code);
        Assert.Equal(0, Run("run", "--model", _files["m.onnx"], "--input", _files[channelsFirst ? "turned.npy" : "x.npy"], "--output", _files["b.npy"]).Code);
        float[] expected = NpyFile.Read(_files["a.npy"]).Values, actual = NpyFile.Read(_files["b.npy"]).Values;
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-6f); // sums in another order
    }

    [Fact]
    public void A_folder_of_a_GPT2_goes_out_as_ONNX_with_its_cache()
    {
        string folder = GraftShared.Path("reference", "hf", "gpt2_tiny", "safetensors");
        Assert.Equal(0, Run("export", "--model", folder, "--format", "onnx", "--with-past", "--attention-mask", "--output", _files["gpt.onnx"]).Code);
        (int code, string output, _) = Run("inspect", _files["gpt.onnx"]);
        Assert.Equal(0, code);
        Assert.Contains("past_key_values.0.key", output, StringComparison.Ordinal);
        Assert.Contains("attention_mask", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Safetensors_of_any_model_load_into_the_same_layers_and_say_whose_they_are()
    {
        Assert.Equal(0, Run("export", "--model", Saved(), "--format", "safetensors", "--output", _files["w.safetensors"]).Code);
        var file = SafetensorsWeights.Open(_files["w.safetensors"]);
        Assert.Equal("[\"cat\",\"dog\"]", file.Metadata["classes"]);
        Assert.StartsWith("caffe (BGR", file.Metadata["preprocessing"], StringComparison.Ordinal);
        Model fresh = Network();
        WeightLoader.Load(fresh, file);
        Model saved = ModelFile.Load(_files["m.graft"]).Model;
        Assert.Equal(saved.NamedParameters().SelectMany(p => p.Parameter.Value.ToArray()), fresh.NamedParameters().SelectMany(p => p.Parameter.Value.ToArray()));
        fresh.Release();
        saved.Release();
    }

    [Fact]
    public void A_saved_training_goes_out_to_Keras_and_one_with_code_in_it_is_noted()
    {
        var model = new Sequential(6) { new Dense(1, Activation.Sigmoid) };
        model.Compile(new Adam(0.02f), Loss.BinaryCrossEntropy(), Metric.Accuracy);
        model.Fit(TrainingData.Binary(), 1);
        ModelFile.Save(model, _files["t.graft"]);
        Assert.DoesNotContain("training", Run("export", "--model", _files["t.graft"], "--format", "keras", "--output", _files["t.keras"]).Output, StringComparison.Ordinal);
        Model again = KerasImport.Load(_files["t.keras"]);
        Assert.Equal(model.Optimizer!.ExportState(model).SelectMany(s => s.Values), again.Optimizer!.ExportState(again).SelectMany(s => s.Values));
        model.Compile(new Adam { LearningRateFactor = _ => 1 }, Loss.BinaryCrossEntropy());
        ModelFile.Save(model, _files["t.graft"]);
        Assert.Contains("note: the file holds no training: ", Run("export", "--model", _files["t.graft"], "--format", "keras", "--output", _files["t.keras"]).Output, StringComparison.Ordinal);
        Assert.Contains("LearningRateFactor", Run("inspect", _files["t.graft"]).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_folder_of_a_GPT2_is_written_to_the_byte_as_transformers_wrote_it()
    {
        string folder = GraftShared.Path("reference", "hf", "gpt2_tiny", "safetensors");
        (int code, _, string error) = Run("export", "--model", folder, "--format", "safetensors", "--output", _files["out"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")), File.ReadAllBytes(Path.Combine(_files["out"], "model.safetensors")));
        foreach (string form in (string[])["bin", "bin_legacy", "bin_sharded", "openai_style", "safetensors_sharded"]) // whichever form it is read from
        {
            Assert.Equal(0, Run("export", "--model", GraftShared.Path("reference", "hf", "gpt2_tiny", form), "--format", "safetensors", "--output", _files[form]).Code);
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")), File.ReadAllBytes(Path.Combine(_files[form], "model.safetensors")));
        }
        Assert.Equal(2, Run("export", "--model", folder, "--format", "keras", "--output", _files["x.keras"]).Code);
    }

    [Fact]
    public void Extents_that_a_file_leaves_open_are_given()
    {
        _files.Write("open.json", """{"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Conv1D", "config": {"name": "c", "filters": 2, "kernel_size": [3], "batch_input_shape": [null, null, 3]}}]}}"""u8);
        var model = new Sequential(5, 3) { new Conv1D(2, 3) { Name = "c" } };
        KerasExport.SaveHdf5(model, _files["w.h5"]);
        model.Release();
        string[] export = ["export", "--model", _files["w.h5"], "--architecture", _files["open.json"], "--format", "keras", "--output", _files["o.keras"]];
        Assert.Contains("leaves an extent open", Run(export).Error, StringComparison.Ordinal);
        Assert.Equal(0, Run([.. export, "--input-shape", "9,3"]).Code);
        Assert.Equal([9, 3], KerasImport.InputsOf(_files["o.keras"])[0].Shape!.Select(d => d!.Value));
        Assert.Contains("no list of whole numbers", Run([.. export, "--input-shape", "9,x"]).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_is_told_in_one_line_and_nothing_is_written()
    {
        string model = Saved();
        Fails(2, "is --model itself", "export", "--model", model, "--format", "keras", "--output", model);
        Fails(1, "there is no folder", "export", "--model", model, "--format", "keras", "--output", _files["no/m.keras"]);
        Fails(2, "is a folder", "export", "--model", model, "--format", "keras", "--output", Path.GetDirectoryName(model)!);
        Fails(2, "pickle", "export", "--model", model, "--format", "pickle", "--output", _files["m.p"]);
        Fails(1, "no such file", "export", "--model", _files["none.graft"], "--format", "keras", "--output", _files["m.keras"]);
        Assert.Equal(["m.graft"], Directory.GetFiles(Path.GetDirectoryName(model)!).Select(Path.GetFileName));
    }

    private void Fails(int code, string message, params string[] arguments)
    {
        (int found, string output, string error) = Run(arguments);
        Assert.Equal(code, found);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Equal("", output);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private string Saved()
    {
        Model model = Network();
        model.ClassNames = ["cat", "dog"];
        model.Preprocessing = Preprocessing.Caffe;
        ModelFile.Save(model, _files["m.graft"]);
        model.Release();
        return _files["m.graft"];
    }

    private static Sequential Network() => new(4, 4, 3) { new Conv2D(6, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new BatchNormalization(), new GlobalAveragePooling2D(), new Dense(2, Activation.Softmax) };
}
