using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class LossRuleTests
{
    private static string Message(Loss loss, Layer head, LabelKind labels, int labelWidth, params string[] classes)
    {
        var model = new Sequential(4) { head };
        var data = new ArrayBatches(new float[8], new Shape(4), new float[2 * labelWidth], new Shape(labelWidth), labels) { Classes = classes };
        model.Compile(new Sgd(), loss);
        return Assert.Throws<GraftException>(() => model.Fit(data, 1)).Message;
    }

    private static void Names(string message, params string[] parts) => Assert.All(parts, p => Assert.Contains(p, message, StringComparison.Ordinal));

    [Fact]
    public void Categorical_loss_with_one_sigmoid_unit_names_the_binary_pair() =>
        Names(Message(Loss.CategoricalCrossEntropy(), new Dense(1, Activation.Sigmoid), LabelKind.Binary, 1),
            "categorical_crossentropy", "1 output(s)", "use Loss.BinaryCrossEntropy() with Dense(1, Activation.Sigmoid)");

    [Fact]
    public void Binary_loss_with_one_hot_labels_names_the_categorical_pair() =>
        Names(Message(Loss.BinaryCrossEntropy(), new Dense(5, Activation.Sigmoid), LabelKind.Categorical, 5),
            "one-hot over 5 classes", "use Loss.CategoricalCrossEntropy() with Dense(classes, Activation.Softmax)");

    [Fact]
    public void Binary_loss_with_class_indices_names_the_sparse_pair() =>
        Names(Message(Loss.BinaryCrossEntropy(), new Dense(1, Activation.Sigmoid), LabelKind.Sparse, 1), "use Loss.SparseCategoricalCrossEntropy()");

    [Fact]
    public void Categorical_loss_with_class_indices_names_the_sparse_pair() =>
        Names(Message(Loss.CategoricalCrossEntropy(), new Dense(3, Activation.Softmax), LabelKind.Sparse, 1), "class indices", "Loss.SparseCategoricalCrossEntropy()");

    [Fact]
    public void Sparse_loss_with_one_hot_labels_names_the_categorical_pair() =>
        Names(Message(Loss.SparseCategoricalCrossEntropy(), new Dense(3, Activation.Softmax), LabelKind.Categorical, 3), "one-hot", "Loss.CategoricalCrossEntropy()");

    [Fact]
    public void A_softmax_over_one_unit_is_refused() =>
        Names(Message(Loss.BinaryCrossEntropy(), new Dense(1, Activation.Softmax), LabelKind.Binary, 1), "softmax over one unit is always 1", "Activation.Sigmoid");

    [Fact]
    public void A_logit_head_without_from_logits_is_refused_and_the_other_way_round()
    {
        Names(Message(Loss.BinaryCrossEntropy(), new Dense(1), LabelKind.Binary, 1), "outside 0 to 1", "fromLogits: true");
        Names(Message(Loss.BinaryCrossEntropy(), new Dense(1, Activation.ReLU), LabelKind.Binary, 1), "outside 0 to 1", "Sigmoid");
        Names(Message(Loss.CategoricalCrossEntropy(), new Dense(3), LabelKind.Categorical, 3), "outside 0 to 1", "Softmax");
        Names(Message(Loss.BinaryCrossEntropy(fromLogits: true), new Dense(1, Activation.Sigmoid), LabelKind.Binary, 1), "second time");
        Names(Message(Loss.SparseCategoricalCrossEntropy(fromLogits: true), new Dense(3, Activation.Softmax), LabelKind.Sparse, 1), "second time");
    }

    [Fact]
    public void A_sigmoid_head_under_a_categorical_loss_is_refused() =>
        Names(Message(Loss.CategoricalCrossEntropy(), new Dense(3, Activation.Sigmoid), LabelKind.Categorical, 3), "takes Softmax outputs");

    [Fact]
    public void Too_few_units_for_the_classes_are_told()
    {
        Names(Message(Loss.SparseCategoricalCrossEntropy(), new Dense(3, Activation.Softmax), LabelKind.Sparse, 1, "a", "b", "c", "d"), "4 classes", "4 units");
        Names(Message(Loss.CategoricalCrossEntropy(), new Dense(3, Activation.Softmax), LabelKind.Categorical, 4), "[4]", "[3]");
        Names(Message(Loss.MeanSquaredError(), new Dense(2), LabelKind.Values, 1), "[1]", "[2]");
    }

    [Fact]
    public void The_head_is_found_behind_layers_that_change_no_number()
    {
        var inner = new Sequential(4) { new Dense(3) };
        var model = new Sequential(4) { inner, new Dropout(0.5f), new Softmax() };
        Assert.Equal(Activation.Softmax, ModelHead.Of(model).Activation);
        var logits = new Sequential(4) { new Sequential(4) { new Dense(3, Activation.Tanh) }, new Dropout(0.5f) };
        Assert.Equal(Activation.Tanh, ModelHead.Of(logits).Activation);
    }

    [Fact]
    public void Samples_of_another_shape_and_models_with_nothing_to_train_are_refused()
    {
        var model = new Sequential(3) { new Dense(1, Activation.Sigmoid) };
        var data = new ArrayBatches(new float[8], new Shape(4), new float[2], new Shape(1), LabelKind.Binary);
        Assert.Contains("not compiled", Assert.Throws<GraftException>(() => model.Fit(data, 1)).Message, StringComparison.Ordinal);
        model.Compile(new Sgd(), Loss.BinaryCrossEntropy());
        Names(Assert.Throws<ShapeException>(() => model.Fit(data, 1)).Message, "[3]", "[4]");

        var frozen = new Sequential(4) { new Dense(1, Activation.Sigmoid) { Trainable = false } };
        frozen.Compile(new Sgd(), Loss.BinaryCrossEntropy());
        Names(Assert.Throws<GraftException>(() => frozen.Fit(data, 1)).Message, "nothing to train", "frozen");
    }
}
