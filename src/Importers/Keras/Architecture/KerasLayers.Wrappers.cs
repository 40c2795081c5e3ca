using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <content>Layers around layers, attention, and recurrences of convolutions.</content>
internal static partial class KerasLayers
{
    private static TimeDistributed EachStep(KerasLayerConfig c)
    {
        KerasLayerConfig inner = c.Inner("layer");
        if (inner.ChannelsFirst)
            throw c.Refuse("layer", "a layer with channels first within steps is not built here", "Save the model with channels_last");
        return new TimeDistributed(Wrapped(c, inner));
    }

    private static Bidirectional BothWays(KerasLayerConfig c)
    {
        KerasLayerConfig inner = c.Inner("layer");
        c.Ignore("zero_output_for_mask");
        RecurrentLayer Recurrent(KerasLayerConfig of) => Wrapped(c, of) as RecurrentLayer ?? throw c.Refuse("layer", "is no recurrent layer", "Only these have two directions");
        return new Bidirectional(Recurrent(inner), c.Has("backward_layer") ? Recurrent(c.Inner("backward_layer")) : null)
        {
            MergeMode = (c.Has("merge_mode") ? c.Text("merge_mode") : "none") switch
            {
                "concat" => inner.ChannelsFirst ? MergeMode.None : MergeMode.Concat, // Keras joins the last axis, which is not the channels: the importer does it
                "sum" => MergeMode.Sum,
                "mul" => MergeMode.Mul,
                "ave" => MergeMode.Ave,
                "none" => MergeMode.None,
                _ => throw c.Refuse("merge_mode", "is not known", "Take concat, sum, mul, ave or None"),
            },
        };
    }

    private static Layer Wrapped(KerasLayerConfig outer, KerasLayerConfig inner)
    {
        Layer layer = Create(inner, outer.Registered) ?? throw outer.Refuse("layer", $"is of class {inner.ClassName}, which is not known here", $"Register it (KerasImport.Register(\"{inner.ClassName}\", ...))");
        if (inner.Behind is not null)
            throw outer.Refuse("layer", "has an activation that is a layer of its own", "Take an activation by name, or a layer behind the wrapper");
        inner.CheckAllRead();
        (layer.Name, layer.Trainable) = (inner.Name, inner.IsTrainable);
        return layer;
    }

    private static Attention DotAttention(KerasLayerConfig c) => new()
    {
        UseScale = c.Flag("use_scale", false), Dropout = c.Number("dropout", 0), UseCausalMask = c.Flag("causal", false) || c.CalledWith("use_causal_mask"),
        ReturnAttentionScores = c.CalledWith("return_attention_scores"),
        ScoreMode = c.Text("score_mode", "dot") switch
        {
            "dot" => ScoreMode.Dot,
            "concat" => ScoreMode.Concat,
            _ => throw c.Refuse("score_mode", "is not known", "Take 'dot' or 'concat'"),
        },
    };

    private static AdditiveAttention SumAttention(KerasLayerConfig c) => new()
    {
        UseScale = c.Flag("use_scale", true), Dropout = c.Number("dropout", 0), UseCausalMask = c.Flag("causal", false) || c.CalledWith("use_causal_mask"),
        ReturnAttentionScores = c.CalledWith("return_attention_scores"),
    };

    private static MultiHeadAttention ManyHeads(KerasLayerConfig c)
    {
        if (c.Has("attention_axes") && !(c.Integers("attention_axes") is [1]))
            throw c.Refuse("attention_axes", "attention over other axes than the steps is not built here", "Bring the axis to the place of the steps by Permute");
        c.Ignore("query_shape", "key_shape", "value_shape");
        return new MultiHeadAttention(c.Integer("num_heads"), c.Integer("key_dim"))
        {
            ValueDim = c.Has("value_dim") ? c.Integer("value_dim") : 0, OutputDim = c.Has("output_shape") ? c.Integer("output_shape") : null, Dropout = c.Number("dropout", 0),
            UseBias = c.Flag("use_bias", true), UseCausalMask = c.CalledWith("use_causal_mask"), ReturnAttentionScores = c.CalledWith("return_attention_scores"),
        };
    }

    private static GroupedQueryAttention GroupedHeads(KerasLayerConfig c) => new(c.Integer("head_dim"), c.Integer("num_query_heads"), c.Integer("num_key_value_heads"))
    {
        Dropout = c.Number("dropout", 0), UseBias = c.Flag("use_bias", true), UseCausalMask = c.CalledWith("use_causal_mask"), ReturnAttentionScores = c.CalledWith("return_attention_scores"),
    };

    private static ConvLSTM1D Recurrent1D(KerasLayerConfig c) => new(c.Integer("filters"), One(c, "kernel_size"))
    {
        Strides = One(c, "strides", 1), Dilation = One(c, "dilation_rate", 1), Padding = c.Padding(), Activation = Gate(c, "activation", "tanh"),
        RecurrentActivation = Gate(c, "recurrent_activation", "hard_sigmoid"), UseBias = c.Flag("use_bias", true), UnitForgetBias = c.Flag("unit_forget_bias", true),
        Dropout = c.Number("dropout", 0), RecurrentDropout = c.Number("recurrent_dropout", 0), KernelRegularizer = c.Regularizer("kernel_regularizer"),
        RecurrentRegularizer = c.Regularizer("recurrent_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"), ReturnSequences = c.Flag("return_sequences", false),
        ReturnState = c.Flag("return_state", false), GoBackwards = c.Flag("go_backwards", false), Stateful = c.Flag("stateful", false),
    };

    private static ConvLSTM2D Recurrent2D(KerasLayerConfig c)
    {
        (int h, int w) = c.Pair("kernel_size");
        return new ConvLSTM2D(c.Integer("filters"), h, w)
        {
            Strides = c.Pair("strides", (1, 1)), Dilation = c.Pair("dilation_rate", (1, 1)), Padding = c.Padding(), Activation = Gate(c, "activation", "tanh"),
            RecurrentActivation = Gate(c, "recurrent_activation", "hard_sigmoid"), UseBias = c.Flag("use_bias", true), UnitForgetBias = c.Flag("unit_forget_bias", true),
            Dropout = c.Number("dropout", 0), RecurrentDropout = c.Number("recurrent_dropout", 0), KernelRegularizer = c.Regularizer("kernel_regularizer"),
            RecurrentRegularizer = c.Regularizer("recurrent_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"), ReturnSequences = c.Flag("return_sequences", false),
            ReturnState = c.Flag("return_state", false), GoBackwards = c.Flag("go_backwards", false), Stateful = c.Flag("stateful", false),
        };
    }

    private static ConvLSTM3D Recurrent3D(KerasLayerConfig c)
    {
        (int d, int h, int w) = Three(c, "kernel_size");
        return new ConvLSTM3D(c.Integer("filters"), d, h, w)
        {
            Strides = Three(c, "strides", 1), Dilation = Three(c, "dilation_rate", 1), Padding = c.Padding(), Activation = Gate(c, "activation", "tanh"),
            RecurrentActivation = Gate(c, "recurrent_activation", "hard_sigmoid"), UseBias = c.Flag("use_bias", true), UnitForgetBias = c.Flag("unit_forget_bias", true),
            Dropout = c.Number("dropout", 0), RecurrentDropout = c.Number("recurrent_dropout", 0), KernelRegularizer = c.Regularizer("kernel_regularizer"),
            RecurrentRegularizer = c.Regularizer("recurrent_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"), ReturnSequences = c.Flag("return_sequences", false),
            ReturnState = c.Flag("return_state", false), GoBackwards = c.Flag("go_backwards", false), Stateful = c.Flag("stateful", false),
        };
    }
}
