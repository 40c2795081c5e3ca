using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <content>Recurrent layers, wrappers and attention.</content>
internal sealed partial class KerasLayerWriter
{
    private static KerasAttributes Loop(KerasAttributes a)
    {
        a.Copy("return_sequences", "return_state", "go_backwards", "stateful").Set("unroll", false);
        return a.Dialect.IsThree || a.Flag("zero_output_for_mask") ? a.Copy("zero_output_for_mask") : a;
    }

    private static KerasAttributes Gates(KerasAttributes a)
    {
        a.Copy("units").Activation();
        if (a.Has("recurrent_activation"))
            a.Activation("recurrent_activation");
        return RecurrentWeights(a.Copy("use_bias")).Number("dropout").Number("recurrent_dropout").InTwo("implementation", 2).InThree("seed", null);
    }

    private static KerasAttributes RecurrentWeights(KerasAttributes a)
    {
        a.Initializer("kernel_initializer", "GlorotUniform").Initializer("recurrent_initializer", "Orthogonal").Initializer("bias_initializer", "Zeros")
            .Regularizer("kernel_regularizer").Regularizer("recurrent_regularizer").Regularizer("bias_regularizer").None("kernel_constraint", "recurrent_constraint", "bias_constraint");
        return a.Layer.ClassName.EndsWith("Cell", StringComparison.Ordinal) ? a : a.None("activity_regularizer");
    }

    private static void Cells(KerasAttributes a)
    {
        Loop(a);
        IReadOnlyList<Layer> cells = a.Layer.Inner;
        if (cells.Count == 1)
        {
            a.Inner("cell", cells[0]);
            return;
        }
        a.Set("cell", a.Object("keras.layers", "StackedRNNCells", new() { ["name"] = "stacked_rnn_cells", ["trainable"] = a.Layer.Trainable, ["cells"] = a.Inners(cells) }));
    }

    private static void BothWays(KerasAttributes a)
    {
        string mode = Lower(a.Text("merge_mode"));
        a.Set("merge_mode", mode == "none" ? null : mode).Inner("layer", a.Layer.Inner[0]).Inner("backward_layer", a.Layer.Inner[1]);
    }

    private static void DotAttention(KerasAttributes a)
    {
        a.Copy("use_scale").Set("score_mode", Lower(a.Text("score_mode"))).Number("dropout");
    }

    private static void ManyHeads(KerasAttributes a)
    {
        int keySize = a.Whole("key_dim"), valueSize = a.Whole("value_dim");
        Heads(a.Copy("num_heads").Set("key_dim", keySize).Set("value_dim", valueSize == 0 ? keySize : valueSize).Number("dropout").Copy("use_bias", "output_shape").Set("attention_axes", KerasNumbers.Whole(1)));
    }

    private static void Heads(KerasAttributes a) => Weights(a, "kernel", "kernel_regularizer").InThree("seed", null);
}
