using Graft.Autograd;
using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Graph;

public sealed class ModelTests
{
    [Fact]
    public void Unnamed_layers_get_the_names_that_Keras_gives()
    {
        var model = new Sequential(8, 8, 3)
        {
            new Conv2D(4, 3, 3), new BatchNormalization(), new ReLU(), new Conv2D(4, 3, 3), new GlobalAveragePooling2D(), new Dense(2), new Dense(1),
        };
        Assert.Equal(["input_layer", "conv2d", "batch_normalization", "re_lu", "conv2d_1", "global_average_pooling2d", "dense", "dense_1"],
            model.Layers.Select(l => l.Name));
    }

    [Theory]
    [InlineData("activation")]
    [InlineData("pooling")]
    [InlineData("dense")]
    [InlineData("model")]
    public void A_layer_that_a_Sequential_has_twice_is_saved_and_exported_twice(string kind)
    {
        using var files = new TemporaryFiles();
        Layer twice = kind switch
        {
            "activation" => new ReLU(),
            "pooling" => new MaxPooling2D(),
            "dense" => new Dense(3),
            _ => new Sequential(8, 8, 3) { new Conv2D(3, 3, 3) { Padding = Padding.Same }, new ReLU() },
        };
        var model = new Sequential(8, 8, 3) { new Conv2D(3, 3, 3) { Padding = Padding.Same }, twice, new Conv2D(3, 1, 1), twice, new GlobalAveragePooling2D(), new Dense(2) };
        float[] x = [.. Enumerable.Range(0, 192).Select(i => MathF.Sin(i))], expected = model.Predict(x, new Shape(1, 8, 8, 3))[0];
        ModelFile.Save(model, files["twice.graft"]);
        KerasExport.SaveArchive(model, files["twice.keras"]);
        KerasExport.SaveHdf5(model, files["twice.h5"]);
        KerasExport.SaveHdf5(model, files["three.h5"], generation: 3);
        foreach (Model again in new[] { ModelFile.Load(files["twice.graft"]).Model, KerasImport.Load(files["twice.keras"]), KerasImport.Load(files["twice.h5"]), KerasImport.Load(files["three.h5"]) })
        {
            Assert.Equal(expected, again.Predict(x, new Shape(1, 8, 8, 3))[0]);
            again.Release();
        }
    }

    [Fact]
    public void A_model_that_gave_its_weights_back_says_so_until_it_has_others()
    {
        var model = new Sequential(4) { new Dense(3) { Name = "a" }, new Dense(2) { Name = "b" } };
        model.Release(); // it had none
        float[] x = [1, 2, 3, 4], expected = model.Predict(x, new Shape(1, 4))[0];
        float[][] weights = [.. model.Parameters.Select(p => p.Value.ToArray())];
        var features = new Model(model.Inputs[0], model.GetNode("a"), "features");
        features.Release(); // and what it shares
        features.Release();
        Assert.Contains("'a/kernel' was given back by Release", Assert.Throws<GraftException>(() => model.Predict(x, new Shape(1, 4))).Message, StringComparison.Ordinal);
        using var files = new TemporaryFiles();
        Assert.Throws<GraftException>(() => ModelFile.Save(model, files["model.graft"]));
        foreach ((Parameter parameter, float[] values) in model.Parameters.Zip(weights))
            parameter.Set(values);
        Assert.Equal(expected, model.Predict(x, new Shape(1, 4))[0]);
        model.Release();
    }

    [Fact]
    public void A_tape_that_was_disposed_takes_nothing_more()
    {
        var tape = new Tape(Device.Cpu);
        Tensor one = Tensor.From(Device.Cpu, new Shape(1), [1f]);
        tape.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tape.Constant(new Shape(1), [1f]));
        Assert.Throws<ObjectDisposedException>(() => tape.Run(new Graft.Ops.ReshapeOp(1, 1), one));
    }

    [Fact]
    public void A_branching_graph_joins()
    {
        Node x = Node.Input(new Shape(4, 4, 3), "image");
        Node left = new Conv2D(3, 3, 3) { Padding = Padding.Same, Name = "left" }.Apply(x);
        Node sum = new Add { Name = "sum" }.Apply(left, x);
        var model = new Model(x, new GlobalAveragePooling2D { Name = "pool" }.Apply(sum));
        Assert.Equal(new Shape(2, 3), Run(model, new Shape(2, 4, 4, 3)).Shape);
    }

    [Fact]
    public void Freezing_a_model_freezes_all_layers_inside_and_one_may_be_set_back()
    {
        var body = new Sequential(4) { new Dense(3) { Name = "a" }, new Dense(2) { Name = "b" } };
        var model = new Sequential(4) { body, new Dense(1) { Name = "head" } };
        body.Trainable = false;
        Assert.False(body.Trainable);
        Assert.Equal(["head"], model.Parameters.Where(p => p.IsTrainable).Select(p => p.LayerName).Distinct());
        body.GetLayer("b").Trainable = true;
        Assert.True(body.Trainable);
        Assert.Equal(["b", "head"], model.Parameters.Where(p => p.IsTrainable).Select(p => p.LayerName).Distinct());
    }

    [Fact]
    public void A_frozen_base_keeps_nothing_for_backward()
    {
        var body = new Sequential(8, 8, 3) { new Conv2D(4, 3, 3), new BatchNormalization(), new ReLU(), new GlobalAveragePooling2D() };
        body.Name = "base";
        var model = new Sequential(8, 8, 3) { body, new Dense(2, Activation.Tanh) { Name = "head" } };
        body.Trainable = false;
        Assert.Equal(["head"], Kept(model));
        body.Trainable = true;
        Assert.Contains("base/conv2d", Kept(model));

        static IEnumerable<string> Kept(Model model)
        {
            using var tape = new Tape(model.Device) { Training = true };
            model.Forward(tape, [tape.Constant(new Shape(2, 8, 8, 3), new float[2 * 8 * 8 * 3])]);
            return [.. tape.KeptBytes.Where(k => k.Value > 0).Select(k => k.Key)];
        }
    }

    [Fact]
    public void A_layer_used_twice_has_one_set_of_parameters_and_sums_its_gradients()
    {
        Node x = Node.Input(new Shape(3));
        var shared = new Dense(3) { Name = "shared", UseBias = false };
        var model = new Model(x, shared.Apply(shared.Apply(x)));
        model.Parameters[0].Set([1, 0, 0, 0, 1, 0, 0, 0, 1]);
        using var tape = new Tape(model.Device) { Training = true };
        Tensor y = model.Forward(tape, [tape.Constant(new Shape(1, 3), [1f, 2, 3])]);
        tape.Backward(y, [1, 0, 0]);
        // y = x W W at W = I: dL/dW = x^T dy W^T + (x W)^T dy, twice the same
        Assert.Equal([2, 0, 0, 4, 0, 0, 6, 0, 0], tape.Gradient(model.Parameters[0].Value)!.ToArray());
    }

    [Fact]
    public void A_wrong_image_names_layer_shape_and_rule()
    {
        var error = Assert.Throws<ShapeException>(() => new Sequential(8, 8) { new Conv2D(4, 3, 3) { Name = "stem" } });
        Assert.Contains("stem", error.Message, StringComparison.Ordinal);
        Assert.Contains("[8,8]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[N,H,W,C]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_input_of_another_shape_is_refused_by_name()
    {
        var model = new Sequential(8, 8, 3) { new Flatten() };
        var error = Assert.Throws<ShapeException>(() => Run(model, new Shape(1, 8, 9, 3)));
        Assert.Contains("[1,8,9,3]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[N,8,8,3]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_graph_that_cannot_be_is_refused_with_what_is_wrong()
    {
        Node x = Node.Input(new Shape(4)), unused = Node.Input(new Shape(4)), y = new Dense(2).Apply(x);
        string Refusal(Func<object> make) => Assert.ThrowsAny<GraftException>(make).Message;
        Assert.Contains("has no output", Refusal(() => new Model([x], [])), StringComparison.Ordinal);
        Assert.Contains("an unnamed input [4] is listed twice", Refusal(() => new Model([x, x], [y])), StringComparison.Ordinal);
        Assert.Contains("depends on an unnamed input [4]", Refusal(() => new Model(unused, y)), StringComparison.Ordinal);
        var model = new Model(x, y);
        using var tape = new Tape(model.Device);
        Tensor one = tape.Constant(new Shape(1, 4), new float[4]);
        Assert.Contains("takes 1 input(s) (input_layer), not 2", Refusal(() => model.Run(tape, [one, one])), StringComparison.Ordinal);
        Assert.Contains("not 0", Refusal(() => model.Forward(tape, [])), StringComparison.Ordinal);
        model.Release();
    }

    [Fact]
    public void Two_layers_of_one_name_are_refused() =>
        Assert.Contains("'fc'", Assert.Throws<GraftException>(() => new Sequential(4) { new Dense(2) { Name = "fc" }, new Dense(2) { Name = "fc" } }).Message, StringComparison.Ordinal);

    [Fact]
    public void An_unknown_layer_name_is_answered_with_the_nearest()
    {
        var model = new Sequential(4) { new Dense(2) { Name = "block5_conv1" } };
        Assert.Contains("block5_conv1", Assert.Throws<GraftException>(() => model.GetLayer("block5_conv2")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_seed_decides_the_new_parameters_whatever_the_order_of_use()
    {
        float[] Values(int seed, bool reversed)
        {
            var model = new Sequential(4) { new Dense(3) { Name = "a" }, new Dense(2) { Name = "b" } };
            model.SetSeed(seed);
            IEnumerable<Parameter> order = reversed ? model.Parameters.Reverse() : model.Parameters;
            foreach (Parameter p in order)
                _ = p.Value;
            return [.. model.Parameters.SelectMany(p => p.Value.ToArray())];
        }
        Assert.Equal(Values(1, reversed: false), Values(1, reversed: true));
        Assert.NotEqual(Values(1, reversed: false), Values(2, reversed: false));
    }

    private static Tensor Run(Model model, Shape shape)
    {
        using var tape = new Tape(model.Device);
        return model.Forward(tape, [tape.Constant(shape, new float[shape.Count])]);
    }

    [Fact]
    public void The_node_of_a_layer_ends_a_model_of_inner_features_that_shares_the_weights()
    {
        var inner = new Sequential(4) { new Dense(3, Activation.Tanh) { Name = "first" }, new Dense(2) { Name = "second" } };
        inner.Name = "base";
        var model = new Sequential(4) { inner, new Dense(1) { Name = "head" } };
        var features = new Model(inner.Inputs[0], inner.GetNode("first"), "features");
        Assert.Equal(new Shape(3), features.Outputs[0].Shape);
        Assert.Same(inner.GetLayer("first").Parameters[0], features.Parameters[0]);
        Assert.Contains("nearest name is 'head'", Assert.Throws<GraftException>(() => model.GetNode("haed")).Message, StringComparison.Ordinal);
        Assert.Contains("((Model)GetLayer(\"base\")).GetLayer(\"first\")", Assert.Throws<GraftException>(() => model.GetNode("first")).Message, StringComparison.Ordinal);

        Node x = Node.Input(new Shape(4));
        var twice = new Dense(4) { Name = "twice" };
        Assert.Contains("at 2 places", Assert.Throws<GraftException>(() => new Model(x, twice.Apply(twice.Apply(x))).GetNode("twice")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_are_copied_from_model_to_model_by_their_paths()
    {
        static Sequential Make(int seed, int outputs)
        {
            var model = new Sequential(4) { new Dense(3) { Name = "body" }, new Dense(outputs) { Name = "head" } };
            model.SetSeed(seed);
            return model;
        }
        Sequential teacher = Make(1, 2), same = Make(2, 2), wider = Make(3, 5);
        Assert.True(WeightLoader.Load(same, new ModelWeights(teacher)).IsComplete);
        Assert.Equal(teacher.Parameters.Select(p => p.Value.ToArray()), same.Parameters.Select(p => p.Value.ToArray()));
        Assert.Throws<GraftException>(() => WeightLoader.Load(wider, new ModelWeights(teacher)));
        WeightReport report = WeightLoader.Load(wider, new ModelWeights(teacher), strict: false);
        Assert.Equal(["body/kernel", "body/bias"], report.Matched);
        Assert.Equal(teacher.Parameters[0].Value.ToArray(), wider.Parameters[0].Value.ToArray());
    }

    [Fact]
    public void Layers_have_one_unit_or_filter_or_more()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Dense(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Conv2D(-3, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Embedding(0, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Embedding(3, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchNormalization { Momentum = 1.5f });
    }
}
