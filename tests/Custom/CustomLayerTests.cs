using Graft.Importers;
using Graft.Importers.Keras;
using Graft.Importers.Onnx;
using Graft.Importers.Safetensors;
using Graft.Inference;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Training;
using Graft.Training;
using Graft.Weights;
using Outside;
using Xunit;
using Dense = Graft.Layers.Dense;

namespace Graft.Tests.Custom;

/// <summary>Layers of an assembly that sees no internals, wherever layers go.</summary>
[Collection(Kernels.Cpu.CpuThreadsCollection.Name)]
public sealed class CustomLayerTests : IDisposable
{
    private static readonly CustomLayers s_own = Known();

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_model_of_own_layers_learns_and_is_the_same_after_saving_and_loading()
    {
        Model model = Network();
        model.Compile(new Adam(0.01f), Loss.BinaryCrossEntropy(), Metric.Accuracy);
        History history = model.Fit(TrainingData.Binary(), epochs: 8);
        Assert.True(history.Last("loss") < 0.5 * history["loss"][0], $"{history["loss"][0]} {history.Last("loss")}");
        ModelFile.Save(model, _files["model.graft"]);
        Model again = ModelFile.Load(_files["model.graft"], s_own).Model;
        Assert.Equal(model.NamedParameters().Select(p => p.Path), again.NamedParameters().Select(p => p.Path));
        Assert.Equal(Predictions(model), Predictions(again));
        ModelFile.Save(again, _files["again.graft"]);
        Assert.Equal(Predictions(model), Predictions(ModelFile.Load(_files["again.graft"], s_own).Model));
    }

    [Fact]
    public void Weights_of_a_block_stand_before_those_of_the_layers_inside_and_are_named_by_their_paths()
    {
        Model model = Network();
        Assert.Equal(["scale/scale", "block/gate", "block/first/kernel", "block/first/bias", "block/second/kernel", "block/second/bias", "twice/dense/kernel", "twice/dense/bias", "time_distributed/scale/scale", "head/kernel", "head/bias"],
            model.NamedParameters().Select(p => p.Path));
        Assert.Equal(model.NamedParameters().Select(p => p.Parameter), model.Parameters);
        string summary = model.Summary();
        Assert.Contains("block (Residual)", summary, StringComparison.Ordinal);
        Assert.Contains("│ block (Residual)                │ (None, 6)              │            90 │", summary, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_layers_of_a_class_draw_different_weights_and_the_same_again()
    {
        float[] Kernels(int seed)
        {
            var model = new Sequential(6) { new Residual(6, 0), new Residual(6, 0) };
            model.SetSeed(seed);
            float[] first = Kernel(model, 0), second = Kernel(model, 1);
            Assert.NotEqual(first, second);
            return [.. first, .. second];
        }
        Assert.Equal(Kernels(1), Kernels(1));
        Assert.NotEqual(Kernels(1), Kernels(2));
        static float[] Kernel(Model model, int block) => model.NamedParameters().Where(p => p.Path.EndsWith("first/kernel", StringComparison.Ordinal)).ElementAt(block).Parameter.Value.ToArray();
    }

    [Fact]
    public void Flags_of_a_block_and_of_the_layers_inside_are_kept()
    {
        Model model = Network();
        Layer block = model.GetLayer("block");
        Dictionary<string, Parameter> named = model.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter);
        block.Trainable = false;
        named["block/second/kernel"].Layer.Trainable = true;
        named["block/second/bias"].Trainable = false;
        named["twice/dense/kernel"].Trainable = false;
        string[] Frozen(Model m) => [.. m.NamedParameters().Where(p => !p.Parameter.IsTrainable).Select(p => p.Path)];
        string[] expected = ["block/gate", "block/first/kernel", "block/first/bias", "block/second/bias", "twice/dense/kernel"];
        Assert.Equal(expected, Frozen(model));
        Assert.True(block.Trainable);
        ModelFile.Save(model, _files["model.graft"]);
        Assert.Equal(expected, Frozen(ModelFile.Load(_files["model.graft"], s_own).Model));
        float[] gate = named["block/gate"].Value.ToArray(), first = named["block/first/kernel"].Value.ToArray(), second = named["block/second/kernel"].Value.ToArray();
        model.Compile(new Sgd(0.1f), Loss.BinaryCrossEntropy());
        model.Fit(TrainingData.Binary(), epochs: 1);
        Assert.Equal(gate, named["block/gate"].Value.ToArray());
        Assert.Equal(first, named["block/first/kernel"].Value.ToArray());
        Assert.NotEqual(second, named["block/second/kernel"].Value.ToArray());
        block.Trainable = false;
        Assert.False(block.Trainable);
        block.Trainable = true;
        Assert.True(named["block/gate"].IsTrainable);
    }

    [Fact]
    public void Without_the_class_the_error_names_file_layer_class_and_mend()
    {
        string path = _files["model.graft"];
        ModelFile.Save(new Sequential(3) { new Scale(2) { Name = "alone" } }, path);
        Names("'alone' is of class 'Scale'", "new CustomLayers { { \"Scale\", config => new Scale(...) } }", Refused(path, null));
        Names("'alone' is of class 'Scale'", "(Cube)", Refused(path, new CustomLayers { { "Cube", _ => new Cube() } }));
        ModelFile.Save(new Sequential(2, 3) { new TimeDistributed(new Scale(2) { Name = "inside" }) }, path);
        Names("'inside' is of class 'Scale'", "ModelFile.Load", Refused(path, null));
        Names("{\"start\":2}", "it broke", Refused(path, new CustomLayers { { "Scale", _ => throw new InvalidOperationException("it broke") } }));
        Names("'inside'", "it made no layer", Refused(path, new CustomLayers { { "Scale", _ => null! } }));
        void Names(string what, string mend, string message)
        {
            Assert.StartsWith(path, message, StringComparison.Ordinal);
            Assert.Contains(what, message, StringComparison.Ordinal);
            Assert.Contains(mend, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_layer_without_a_config_is_saved_with_an_empty_one()
    {
        ModelFile.Save(new Sequential(3) { new Cube() }, _files["model.graft"]);
        int attributes = -1;
        Model again = ModelFile.Load(_files["model.graft"], new CustomLayers { { "Cube", config => { attributes = config.Count; return new Cube(); } } }).Model;
        Assert.Equal(0, attributes);
        Assert.Equal([1f, 8f, -27f], again.Predict([1, 2, -3], new Shape(1, 3))[0]);
    }

    [Fact]
    public void Names_of_the_engines_classes_and_names_that_are_there_are_refused()
    {
        string inCatalog = Assert.Throws<GraftException>(() => new CustomLayers { { "Dense", _ => new Outside.Clash.Dense() } }).Message;
        Assert.Contains("'Dense' is a class of the engine", inCatalog, StringComparison.Ordinal);
        foreach (string taken in new[] { "TimeDistributed", "Model", "InputLayer", "Lambda" })
            Assert.Throws<GraftException>(() => new CustomLayers { { taken, _ => new Cube() } });
        Assert.Throws<GraftException>(() => new CustomLayers { { "Cube", _ => new Cube() }, { "Cube", _ => new Cube() } });
        string saved = Assert.Throws<GraftException>(() => ModelFile.Save(new Sequential(3) { new Outside.Clash.Dense { Name = "mine" } }, _files["model.graft"])).Message;
        Assert.Contains("'mine' is of the class Outside.Clash.Dense", saved, StringComparison.Ordinal);
        Assert.False(File.Exists(_files["model.graft"]));
    }

    [Fact]
    public void Weights_that_a_changed_class_has_more_fewer_or_otherwise_are_refused()
    {
        string path = _files["model.graft"];
        ModelFile.Save(new Sequential(3) { new Scale(2) { Name = "a" } }, path);
        Assert.Contains("has the weights 'a/scale', which no layer", Refused(path, new CustomLayers { { "Scale", _ => new Cube() } }), StringComparison.Ordinal);
        Assert.Contains("the class Wrong is another than the one that was saved", Refused(path, new CustomLayers { { "Scale", _ => new Wrong(shape: false, inside: false, names: false) } }), StringComparison.Ordinal);
        ModelFile.Save(new Sequential(6) { new Residual(6, 0) { Name = "a" } }, path);
        Assert.Contains("0 layers inside, the saved one had 3", Refused(path, new CustomLayers { { "Residual", _ => new Scale(1) } }), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_wrongly_is_told_with_the_layers_name()
    {
        Assert.Contains("'a' gave [1,3], but said [7] a sample", Assert.Throws<ShapeException>(() => new Sequential(3) { new Wrong(shape: true, inside: false, names: false) { Name = "a" } }.Predict([1, 2, 3], new Shape(1, 3))).Message, StringComparison.Ordinal);
        Assert.Contains("call BuildInner", Assert.Throws<GraftException>(() => new Sequential(3) { new Wrong(shape: false, inside: true, names: false) { Name = "a" } }).Message, StringComparison.Ordinal);
        Assert.Contains("a parameter cannot be named 'w'", Assert.Throws<GraftException>(() => new Sequential(3) { new Wrong(shape: false, inside: false, names: true) { Name = "a" } }).Message, StringComparison.Ordinal);
        Assert.Contains("Scale 'a': takes channels", Assert.Throws<ShapeException>(() => new Sequential { new Scale(1) { Name = "a" } }).Message, StringComparison.Ordinal);
        Node x = Node.Input(new Shape(3));
        var shared = new Scale(1) { Name = "a" };
        shared.Apply(x);
        Assert.Contains("was built for input [3] and cannot take [4]", Assert.Throws<ShapeException>(() => shared.Apply(Node.Input(new Shape(4)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_may_return_its_input_while_others_read_it_too()
    {
        Node x = Node.Input(new Shape(3));
        Node y = new Scale(2).Apply(x), same = new Same().Apply(y);
        Node sum = new Add().Apply(new Cube().Apply(same), y);
        var model = new Model(x, sum);
        float[] expected = [8 + 2, 64 + 4, 216 + 6];
        Assert.Equal(expected, model.Predict([1, 2, 3], new Shape(1, 3))[0]);
        model.PlanOptions = PlanOptions.Eager;
        Assert.Equal(expected, model.Predict([1, 2, 3], new Shape(1, 3))[0]);
    }

    [Fact]
    public void Predictions_by_a_plan_are_those_op_by_op()
    {
        Model model = Network();
        float[][] planned = Predictions(model);
        model.PlanOptions = PlanOptions.Eager;
        float[][] eager = Predictions(model);
        for (int i = 0; i < planned.Length; i++)
            Assert.Equal(eager[i][0], planned[i][0], 1e-6f);
        using InferencePlan plan = InferencePlan.Compile(model);
        var outputs = new float[1];
        plan.Run(new float[6], 1, outputs);
        Assert.Contains("Cube", plan.Describe(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_that_reads_numbers_says_that_it_is_dynamic_or_is_told_to()
    {
        var model = new Sequential(3) { new ByLargest(saysSo: true) };
        Assert.Equal([0.25f, 0.5f, -1f], model.Predict([1, 2, -4], new Shape(1, 3))[0]);
        Assert.Contains("is dynamic", Assert.Throws<GraftException>(() => OnnxExport.ToBytes(model)).Message, StringComparison.Ordinal);
        var silent = new Sequential(3) { new ByLargest(saysSo: false) };
        Assert.Contains("IsDynamic", Assert.Throws<InvalidOperationException>(() => silent.Predict([1, 2, -4], new Shape(1, 3))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_property_that_is_set_later_counts_from_then_on()
    {
        var noise = new Noise(0, 0) { Always = true };
        var model = new Sequential(3) { new Twice(noise) };
        Assert.Equal([1f, 2f, 3f], model.Predict([1, 2, 3], new Shape(1, 3))[0]);
        noise.Deviation = 1;
        Assert.NotEqual([1f, 2f, 3f], model.Predict([1, 2, 3], new Shape(1, 3))[0]);
        noise.Deviation = 0;
        Assert.Equal([1f, 2f, 3f], model.Predict([1, 2, 3], new Shape(1, 3))[0]);
    }

    [Fact]
    public void A_layer_that_is_random_in_inference_too_runs_op_by_op()
    {
        var model = new Sequential(TrainingData.Features) { new Dense(1, Activation.Sigmoid), new Noise(0.1f, 0) { Always = true } };
        model.SetSeed(1);
        model.Compile(new Sgd(0.1f), Loss.MeanSquaredError());
        model.Fit(TrainingData.Binary(), epochs: 2, TrainingData.Binary());
        float[][] outputs = Predictions(model);
        Assert.Equal(outputs, Predictions(model)); // of one seed
        model.PlanOptions = PlanOptions.Eager;
        Assert.Equal(outputs, Predictions(model));
        using InferencePlan plan = InferencePlan.Compile(model);
        Assert.Contains("op RandomNormal of layer 'noise' is random", Assert.Throws<GraftException>(() => plan.Run(new float[6], 1, new float[1])).Message, StringComparison.Ordinal);
        Assert.Throws<GraftException>(() => InferencePlan.Compile(new Sequential(3) { new ByLargest(saysSo: true) }));
    }

    [Fact]
    public void Random_numbers_of_a_layer_follow_the_seed_and_penalties_count()
    {
        float[] Train(int seed, float cost)
        {
            var model = new Sequential(TrainingData.Features) { new Dense(4) { Name = "a" }, new Noise(0.3f, cost), new Dense(1, Activation.Sigmoid) };
            model.Compile(new Sgd(0.1f), Loss.BinaryCrossEntropy());
            model.Fit(TrainingData.Binary(), epochs: 2, options: new FitOptions { Seed = seed });
            return model.Parameters[0].Value.ToArray();
        }
        Assert.Equal(Train(1, 0), Train(1, 0));
        Assert.NotEqual(Train(1, 0), Train(2, 0));
        float Norm(float[] w) => w.Sum(v => v * v);
        Assert.True(Norm(Train(1, 0.1f)) < 0.9f * Norm(Train(1, 0)));
    }

    [Fact]
    public void A_training_that_is_gone_on_with_ends_at_the_same_bits()
    {
        Model Fresh()
        {
            Model model = Network(dropout: 0.2f);
            model.Compile(new Adam(0.01f), Loss.BinaryCrossEntropy());
            return model;
        }
        BatchSource data = TrainingData.Binary();
        Model whole = Fresh(), parts = Fresh(), rest = Fresh();
        whole.Fit(data, epochs: 4);
        parts.Fit(data, epochs: 2, options: new FitOptions { Callbacks = [new TrainingCheckpoint(_files["state.graft"])] });
        (History history, int epoch, int batch) = TrainingCheckpoint.Restore(rest, _files["state.graft"], data);
        rest.Fit(data, epochs: 4, options: new FitOptions { History = history, InitialEpoch = epoch, InitialBatch = batch });
        Assert.Equal(whole.Parameters.SelectMany(p => p.Value.ToArray()), rest.Parameters.SelectMany(p => p.Value.ToArray()));
    }

    [Fact]
    public void Gradient_checkpointing_of_own_layers_changes_no_bit()
    {
        float[] Train(int every)
        {
            Model model = Network(dropout: 0.2f);
            model.Compile(new Adam(0.01f), Loss.BinaryCrossEntropy());
            model.Fit(TrainingData.Binary(), epochs: 2, options: new FitOptions { CheckpointEvery = every });
            return [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
        }
        Assert.Equal(Train(0), Train(2));
    }

    [Fact]
    public void Exports_keep_the_weights_or_refuse_with_the_layers_name()
    {
        Model model = Network();
        ModelSafetensors.Save(model, _files["model.safetensors"]);
        Model other = Network();
        other.SetSeed(99);
        WeightLoader.Load(other, WeightFiles.Open(_files["model.safetensors"]));
        Assert.Equal(Predictions(model), Predictions(other));
        string keras = Assert.Throws<GraftException>(() => KerasExport.SaveArchive(model, _files["model.keras"])).Message;
        Assert.Contains("layer 'scale' (Scale) is no layer of Keras", keras, StringComparison.Ordinal);
        Assert.Contains("(Dense) is no layer of Keras", Assert.Throws<GraftException>(() => KerasExport.SaveHdf5(new Sequential(3) { new Outside.Clash.Dense() }, _files["m.h5"])).Message, StringComparison.Ordinal);
        string onnx = Assert.Throws<GraftException>(() => OnnxExport.ToBytes(model)).Message;
        Assert.Contains("layer 'cube' of model 'sequential' runs the op Cube, which cannot be written", onnx, StringComparison.Ordinal);
        Assert.NotEmpty(OnnxExport.ToBytes(new Sequential(6) { new Residual(6, 0.5f), new Scale(2) })); // of ops that ONNX has
    }

    [Theory]
    [InlineData("layer")]
    [InlineData("op")]
    [InlineData("lambda")]
    [InlineData("none")]
    public void Features_of_code_that_may_change_are_kept_for_one_run_alone(string kind)
    {
        var options = new FeatureCacheOptions { Folder = _files["features"] };
        History Train(float scale)
        {
            var model = new Sequential(TrainingData.Features) { new Dense(64) { Name = "wide" }, new Dense(4) { Name = "base" } };
            if (kind != "none")
                model.Add(kind switch { "layer" => new Scale(scale), "op" => new Cube(), _ => new Lambda((tape, x) => tape.Run(new Graft.Ops.UnaryOp(Graft.Kernels.UnaryFormula.Scale, scale), x)) });
            model.Trainable = false;
            model.Add(new Dense(1, Activation.Sigmoid) { Name = "head" });
            model.SetSeed(1);
            model.Compile(new Sgd(0.1f), Loss.BinaryCrossEntropy());
            return model.Fit(TrainingData.Binary(), epochs: 3, options: new FitOptions { FeatureCache = options });
        }
        History first = Train(1), second = Train(1), other = Train(3);
        int computed = kind == "none" ? 0 : 40; // of 40 samples, by the second run
        Assert.Contains("frozen base: 40 training samples computed once", first.Notes[0], StringComparison.Ordinal);
        Assert.Contains($"frozen base: {computed} training samples computed once", second.Notes[0], StringComparison.Ordinal);
        Assert.Equal(kind != "none", second.Notes[0].Contains("kept for this run alone: layer '", StringComparison.Ordinal));
        Assert.Equal(first["loss"], second["loss"]);
        Assert.Equal(kind is "none" or "op", first["loss"].SequenceEqual(other["loss"]));
        Assert.Equal(kind != "none", !Directory.Exists(options.Folder) || Directory.GetFiles(options.Folder!).Length == 0);
    }

    [Fact]
    public void Masks_pass_through_where_a_layer_says_so()
    {
        Shape Steps(Layer layer) => new Sequential(3, 1) { new Masking(), layer, new GlobalAveragePooling1D() }.OutputShape([new Shape(3, 1)]);
        Assert.Equal(new Shape(1), Steps(new Same()));
        float Mean(Layer layer) => new Sequential(3, 1) { new Masking(), layer, new GlobalAveragePooling1D() }.Predict([6, 2, 0], new Shape(1, 3, 1))[0][0];
        Assert.Equal(4, Mean(new Same())); // of two steps: the third is masked
        Assert.Equal((216f + 8) / 3, Mean(new Cube()), 1e-4f);
    }

    private static string Refused(string path, CustomLayers? own) => Assert.Throws<GraftException>(() => ModelFile.Load(path, own)).Message;

    private static CustomLayers Known()
    {
        var own = new CustomLayers { { "Scale", c => new Scale((float)c["start"]!) }, { "Residual", c => new Residual((int)c["units"]!, (float)c["rate"]!) }, { "Cube", _ => new Cube() } };
        own.Add("Twice", c => new Twice(own.ReadLayer(c["layer"]!)));
        return own;
    }

    private static Sequential Network(float dropout = 0)
    {
        var model = new Sequential(TrainingData.Features)
        {
            new Scale(0.9f), new Residual(6, dropout) { Name = "block" }, new Twice(new Dense(6, Activation.Tanh) { Name = "dense" }), new Cube(),
            new Reshape(2, 3), new TimeDistributed(new Scale(1.5f)), new Flatten(), new Dense(1, Activation.Sigmoid) { Name = "head" },
        };
        model.SetSeed(5);
        return model;
    }

    private static float[][] Predictions(Model model) => model.Predict(TrainingData.Binary());
}
