using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Graph;

/// <summary>Who gives no names finds all layers named, whatever was built before.</summary>
public sealed class LayerNameTests
{
    private static Sequential Part(int inputs, int units) => new(inputs) { new Dense(units, Activation.Tanh) };

    [Fact]
    public void Models_inside_that_nobody_named_are_numbered()
    {
        using var files = new TemporaryFiles();
        var model = new Sequential(6) { Part(6, 2), Part(2, 6), new Dense(1) };
        Node x = Node.Input(new Shape(6)), y = Node.Input(new Shape(6));
        Model half = new(y, new Dense(3).Apply(y)), other = new(y, new Dense(3).Apply(y));
        var graph = new Model(x, new Add().Apply(half.Apply(x), other.Apply(x)));
        Assert.Equal(["input_layer", "sequential", "sequential_1", "dense"], model.Layers.Select(l => l.Name));
        Assert.Equal(["input_layer_1", "model", "model_1", "add"], graph.Layers.Select(l => l.Name.Replace("input_layer", "input_layer_1", StringComparison.Ordinal)));
        float[] sample = [1, 2, 3, 4, 5, 6], expected = model.Predict(sample, new Shape(1, 6))[0];
        ModelFile.Save(model, files["parts.graft"]);
        KerasExport.SaveArchive(model, files["parts.keras"]);
        Assert.Equal(expected, ModelFile.Load(files["parts.graft"]).Model.Predict(sample, new Shape(1, 6))[0]);
        Assert.Equal(expected, KerasImport.Load(files["parts.keras"]).Predict(sample, new Shape(1, 6))[0]);
    }

    [Fact]
    public void A_model_keeps_the_name_that_a_graph_gave_it()
    {
        Sequential a = Part(4, 4), b = Part(4, 4), c = Part(4, 4);
        var first = new Sequential(4) { a, b };
        Node x = Node.Input(new Shape(4));
        var second = new Model(x, a.Apply(c.Apply(x)));
        Assert.Equal("sequential_1", b.Name);
        Assert.Equal(["sequential_1", "sequential"], [c.Name, a.Name]); // c is not in the first
        Assert.Same(b, first.GetLayer("sequential_1"));
        Assert.Same(a, second.GetLayer("sequential"));
    }

    [Fact]
    public void A_layer_with_a_name_keeps_it_wherever_in_the_graph_it_is()
    {
        Node x = Node.Input(new Shape(4)), facts = Node.Input(new Shape(3));
        var model = new Model(x, new Dense(2) { Name = "dense" }.Apply(new Dense(3).Apply(x)));
        Assert.Equal(["input_layer", "dense_1", "dense"], model.Layers.Select(l => l.Name));
        var both = new Model([facts, x], [new Concatenate().Apply(facts, model.Outputs[0])]); // an input without a name before one that has the name it would get
        Assert.Equal(["input_layer_1", "input_layer", "dense_1", "dense", "concatenate"], both.Layers.Select(l => l.Name));
    }

    [Fact]
    public void Models_that_are_joined_node_by_node_are_told_how_to_keep_names_apart()
    {
        static Model Tower()
        {
            Node x = Node.Input(new Shape(4));
            return new Model(x, new Dense(4, Activation.Tanh).Apply(new Dense(4).Apply(x)));
        }
        using var files = new TemporaryFiles();
        Model one = Tower(), other = Tower();
        Model SideBySide() => new([one.Inputs[0], other.Inputs[0]], [new Add().Apply(one.Outputs[0], other.Outputs[0])]);
        Model OneBehindTheOther() => new(one.Inputs[0], other.Layers.Skip(1).Aggregate(one.Outputs[0], (node, layer) => layer.Apply(node)));
        float[] a = [1, 2, 3, 4], b = [-1, 0, 1, 2];
        float[] First(Model model, float[] x) => model.Predict(x, new Shape(1, 4))[0];
        float[] sum = [.. First(one, a).Zip(First(other, b), (p, q) => p + q)], chained = First(other, First(one, a)), same = [.. First(one, a).Zip(First(other, a), (p, q) => p + q)];

        Assert.Equal("Two layers are named 'input_layer'; names are unique within a model. Both are of models that are there already: before joining them rename the layers of one, "
            + "foreach (Layer layer in other.Layers) layer.Name = $\"other_{layer.Name}\"; or put it in as one layer, other.Apply(node), which keeps names apart.", Assert.Throws<GraftException>(SideBySide).Message);
        Assert.Contains("'dense'; names are unique within a model. Both are of models", Assert.Throws<GraftException>(OneBehindTheOther).Message, StringComparison.Ordinal);
        Assert.EndsWith("Give one of them another Name.", Assert.Throws<GraftException>(() => new Model(one.Inputs[0], new Dense(2) { Name = "dense" }.Apply(one.Outputs[0]))).Message, StringComparison.Ordinal);
        Assert.Equal(same, First(new Model(one.Inputs[0], new Add().Apply(one.Outputs[0], other.Apply(one.Inputs[0]))), a)); // what the message says, both ways
        foreach (Layer layer in other.Layers)
            layer.Name = $"other_{layer.Name}";
        Assert.Equal(chained, First(OneBehindTheOther(), a));
        ModelFile.Save(SideBySide(), files["joined.graft"]);
        foreach (Model joined in new[] { SideBySide(), ModelFile.Load(files["joined.graft"]).Model })
            Assert.Equal(sum, joined.PredictAll([(new Shape(1, 4), a), (new Shape(1, 4), b)])[0].Values);
    }

    [Fact]
    public void Models_that_are_built_alike_begin_with_different_weights()
    {
        Sequential a = Part(4, 3), b = Part(4, 3);
        Node x = Node.Input(new Shape(4));
        var model = new Model(x, new Subtract().Apply(a.Apply(x), b.Apply(x)));
        Assert.NotEqual(a.Parameters[0].Value.ToArray(), b.Parameters[0].Value.ToArray());
        model.Release();
    }

    [Fact]
    public void A_seed_stays_when_the_layers_get_into_another_graph()
    {
        float[] Kernel(Func<Sequential, Model> put)
        {
            Sequential part = Part(4, 3);
            part.SetSeed(5);
            Model around = put(part);
            float[] kernel = part.Parameters[0].Value.ToArray();
            around.Release();
            return kernel;
        }
        float[] alone = Kernel(p => p);
        Assert.Equal(alone, Kernel(p => new Sequential(4) { p, new Dense(2) }));
        Assert.Equal(alone, Kernel(p => new Model(p.Inputs[0], new Dense(2).Apply(p.Outputs[0]))));
        Assert.NotEqual(alone, Kernel(p =>
        {
            var head = new Model(p.Inputs[0], new Dense(2).Apply(p.Outputs[0]));
            head.SetSeed(6); // of all layers that are its own or were another graph's
            return head;
        }));
    }
}
