using System.Text.Json.Nodes;
using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <content>Recurrent layers and their cells.</content>
internal static partial class KerasLayers
{
    private static LSTM LongShortTerm(KerasLayerConfig c) => new(c.Integer("units"))
    {
        Activation = Gate(c, "activation", "tanh"), RecurrentActivation = Gate(c, "recurrent_activation", c.Generation < 3 ? "hard_sigmoid" : "sigmoid"), UseBias = c.Flag("use_bias", true),
        UnitForgetBias = c.Flag("unit_forget_bias", true), Dropout = c.Number("dropout", 0), RecurrentDropout = c.Number("recurrent_dropout", 0),
        KernelRegularizer = c.Regularizer("kernel_regularizer"), RecurrentRegularizer = c.Regularizer("recurrent_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        ReturnSequences = c.Flag("return_sequences", false), ReturnState = c.Flag("return_state", false), GoBackwards = c.Flag("go_backwards", false), Stateful = c.Flag("stateful", false),
        ZeroOutputForMask = c.Flag("zero_output_for_mask", false),
    };

    private static GRU Gated(KerasLayerConfig c) => new(c.Integer("units"))
    {
        Activation = Gate(c, "activation", "tanh"), RecurrentActivation = Gate(c, "recurrent_activation", c.Generation < 3 ? "hard_sigmoid" : "sigmoid"), UseBias = c.Flag("use_bias", true),
        ResetAfter = c.Flag("reset_after", c.ClassName == "CuDNNGRU" || c.Generation == 3), Dropout = c.Number("dropout", 0), RecurrentDropout = c.Number("recurrent_dropout", 0),
        KernelRegularizer = c.Regularizer("kernel_regularizer"), RecurrentRegularizer = c.Regularizer("recurrent_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        ReturnSequences = c.Flag("return_sequences", false), ReturnState = c.Flag("return_state", false), GoBackwards = c.Flag("go_backwards", false), Stateful = c.Flag("stateful", false),
        ZeroOutputForMask = c.Flag("zero_output_for_mask", false),
    };

    private static SimpleRNN Simple(KerasLayerConfig c) => new(c.Integer("units"))
    {
        Activation = Gate(c, "activation", "tanh"), UseBias = c.Flag("use_bias", true), Dropout = c.Number("dropout", 0), RecurrentDropout = c.Number("recurrent_dropout", 0),
        KernelRegularizer = c.Regularizer("kernel_regularizer"), RecurrentRegularizer = c.Regularizer("recurrent_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        ReturnSequences = c.Flag("return_sequences", false), ReturnState = c.Flag("return_state", false), GoBackwards = c.Flag("go_backwards", false), Stateful = c.Flag("stateful", false),
        ZeroOutputForMask = c.Flag("zero_output_for_mask", false),
    };

    private static RNN OfCells(KerasLayerConfig c) => new([.. Cells(c.Inner("cell"))])
    {
        ReturnSequences = c.Flag("return_sequences", false), ReturnState = c.Flag("return_state", false), GoBackwards = c.Flag("go_backwards", false), Stateful = c.Flag("stateful", false),
        ZeroOutputForMask = c.Flag("zero_output_for_mask", false),
    };

    private static IEnumerable<RecurrentUnits> Cells(KerasLayerConfig c)
    {
        if (c.ClassName == "StackedRNNCells")
            return c.Inners("cells").SelectMany(Cells);
        RecurrentUnits cell = c.ClassName switch
        {
            "LSTMCell" => new LSTMCell(c.Integer("units"))
            {
                Activation = Gate(c, "activation", "tanh"), RecurrentActivation = Gate(c, "recurrent_activation", c.Generation < 3 ? "hard_sigmoid" : "sigmoid"), UseBias = c.Flag("use_bias", true),
                UnitForgetBias = c.Flag("unit_forget_bias", true), Dropout = c.Number("dropout", 0), RecurrentDropout = c.Number("recurrent_dropout", 0),
                KernelRegularizer = c.Regularizer("kernel_regularizer"), RecurrentRegularizer = c.Regularizer("recurrent_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
            },
            "GRUCell" => new GRUCell(c.Integer("units"))
            {
                Activation = Gate(c, "activation", "tanh"), RecurrentActivation = Gate(c, "recurrent_activation", c.Generation < 3 ? "hard_sigmoid" : "sigmoid"), UseBias = c.Flag("use_bias", true),
                ResetAfter = c.Flag("reset_after", c.Generation == 3), Dropout = c.Number("dropout", 0), RecurrentDropout = c.Number("recurrent_dropout", 0),
                KernelRegularizer = c.Regularizer("kernel_regularizer"), RecurrentRegularizer = c.Regularizer("recurrent_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
            },
            "SimpleRNNCell" => new SimpleRNNCell(c.Integer("units"))
            {
                Activation = Gate(c, "activation", "tanh"), UseBias = c.Flag("use_bias", true), Dropout = c.Number("dropout", 0), RecurrentDropout = c.Number("recurrent_dropout", 0),
                KernelRegularizer = c.Regularizer("kernel_regularizer"), RecurrentRegularizer = c.Regularizer("recurrent_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
            },
            _ => throw c.Refuse("class_name", $"{c.ClassName} is no cell that is known here (LSTMCell, GRUCell, SimpleRNNCell)", "Register a layer in the place of the RNN (KerasImport.Register)"),
        };
        cell.Name = c.Name;
        c.CheckAllRead();
        return [cell];
    }

    /// <summary>An activation within a recurrence, where no other layer can stand behind it.</summary>
    private static Activation Gate(KerasLayerConfig c, string attribute, string missing)
    {
        JsonNode json = c.Json(attribute) ?? JsonValue.Create(c.ClassName.StartsWith("CuDNN", StringComparison.Ordinal) && attribute == "recurrent_activation" ? "sigmoid" : missing);
        return KerasActivations.Of(c, attribute, json) ?? throw c.Refuse(attribute, "a layer within a recurrence is not built here", "Take an activation by name");
    }
}
