using Graft.Layers;

namespace Graft.Importers.Keras.Architecture;

/// <content>Convolutions of all kinds over sequences, images and volumes.</content>
internal static partial class KerasLayers
{
    private static Conv1D Convolution1D(KerasLayerConfig c) => new(c.Integer("filters"), One(c, "kernel_size"))
    {
        Strides = One(c, "strides", 1), Dilation = One(c, "dilation_rate", 1), Padding = c.Padding(), Groups = c.Integer("groups", 1), UseBias = c.Flag("use_bias", true),
        Activation = c.Activation(), KernelRegularizer = c.Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
    };

    private static Conv2D Convolution2D(KerasLayerConfig c)
    {
        (int h, int w) = c.Pair("kernel_size");
        return new Conv2D(c.Integer("filters"), h, w)
        {
            Strides = c.Pair("strides", (1, 1)), Dilation = c.Pair("dilation_rate", (1, 1)), Padding = c.Padding(), Groups = c.Integer("groups", 1), UseBias = c.Flag("use_bias", true),
            Activation = c.Activation(), KernelRegularizer = c.Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        };
    }

    private static Conv3D Convolution3D(KerasLayerConfig c)
    {
        (int d, int h, int w) = Three(c, "kernel_size");
        return new Conv3D(c.Integer("filters"), d, h, w)
        {
            Strides = Three(c, "strides", 1), Dilation = Three(c, "dilation_rate", 1), Padding = c.Padding(), Groups = c.Integer("groups", 1), UseBias = c.Flag("use_bias", true),
            Activation = c.Activation(), KernelRegularizer = c.Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        };
    }

    private static Conv1DTranspose Transposed1D(KerasLayerConfig c) => new(c.Integer("filters"), One(c, "kernel_size"))
    {
        Strides = One(c, "strides", 1), Dilation = One(c, "dilation_rate", 1), Padding = c.Padding(), OutputPadding = c.Has("output_padding") ? One(c, "output_padding") : null,
        UseBias = c.Flag("use_bias", true), Activation = c.Activation(), KernelRegularizer = Ungrouped(c).Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
    };

    private static Conv2DTranspose Transposed2D(KerasLayerConfig c)
    {
        (int h, int w) = c.Pair("kernel_size");
        c.Ignore("output_shape"); // Keras 1 stored the output's shape, which follows from the rest
        return new Conv2DTranspose(c.Integer("filters"), h, w)
        {
            Strides = c.Pair("strides", (1, 1)), Dilation = c.Pair("dilation_rate", (1, 1)), Padding = c.Padding(), OutputPadding = c.Has("output_padding") ? c.Pair("output_padding") : null,
            UseBias = c.Flag("use_bias", true), Activation = c.Activation(), KernelRegularizer = Ungrouped(c).Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        };
    }

    private static Conv3DTranspose Transposed3D(KerasLayerConfig c)
    {
        (int d, int h, int w) = Three(c, "kernel_size");
        return new Conv3DTranspose(c.Integer("filters"), d, h, w)
        {
            Strides = Three(c, "strides", 1), Dilation = Three(c, "dilation_rate", 1), Padding = c.Padding(), OutputPadding = c.Has("output_padding") ? Three(c, "output_padding") : null,
            UseBias = c.Flag("use_bias", true), Activation = c.Activation(), KernelRegularizer = Ungrouped(c).Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        };
    }

    private static DepthwiseConv1D Depthwise1D(KerasLayerConfig c)
    {
        c.Ignore("groups", "filters"); // inherited attributes that depthwise layers do not have
        return new DepthwiseConv1D(One(c, "kernel_size"))
        {
            DepthMultiplier = c.Integer("depth_multiplier", 1), Strides = One(c, "strides", 1), Dilation = One(c, "dilation_rate", 1), Padding = c.Padding(), UseBias = c.Flag("use_bias", true),
            Activation = c.Activation(), KernelRegularizer = c.Regularizer("depthwise_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        };
    }

    private static DepthwiseConv2D Depthwise2D(KerasLayerConfig c)
    {
        (int h, int w) = c.Pair("kernel_size");
        c.Ignore("groups", "filters");
        return new DepthwiseConv2D(h, w)
        {
            DepthMultiplier = c.Integer("depth_multiplier", 1), Strides = c.Pair("strides", (1, 1)), Dilation = c.Pair("dilation_rate", (1, 1)), Padding = c.Padding(),
            UseBias = c.Flag("use_bias", true), Activation = c.Activation(),
        };
    }

    private static SeparableConv1D Separable1D(KerasLayerConfig c)
    {
        c.Ignore("groups");
        return new SeparableConv1D(c.Integer("filters"), One(c, "kernel_size"))
        {
            DepthMultiplier = c.Integer("depth_multiplier", 1), Strides = One(c, "strides", 1), Dilation = One(c, "dilation_rate", 1), Padding = c.Padding(), UseBias = c.Flag("use_bias", true),
            Activation = c.Activation(), DepthwiseRegularizer = c.Regularizer("depthwise_regularizer"), PointwiseRegularizer = c.Regularizer("pointwise_regularizer"),
            BiasRegularizer = c.Regularizer("bias_regularizer"),
        };
    }

    private static SeparableConv2D Separable2D(KerasLayerConfig c)
    {
        (int h, int w) = c.Pair("kernel_size");
        c.Ignore("groups");
        return new SeparableConv2D(c.Integer("filters"), h, w)
        {
            DepthMultiplier = c.Integer("depth_multiplier", 1), Strides = c.Pair("strides", (1, 1)), Dilation = c.Pair("dilation_rate", (1, 1)), Padding = c.Padding(),
            UseBias = c.Flag("use_bias", true), Activation = c.Activation(), DepthwiseRegularizer = c.Regularizer("depthwise_regularizer"),
            PointwiseRegularizer = c.Regularizer("pointwise_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        };
    }

    private static LocallyConnected1D Local1D(KerasLayerConfig c) => new(c.Integer("filters"), One(c, "kernel_size"))
    {
        Strides = One(c, "strides", 1), Padding = LocalPadding(c), UseBias = c.Flag("use_bias", true), Activation = c.Activation(),
        KernelRegularizer = c.Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
    };

    private static LocallyConnected2D Local2D(KerasLayerConfig c)
    {
        (int h, int w) = c.Pair("kernel_size");
        return new LocallyConnected2D(c.Integer("filters"), h, w)
        {
            Strides = c.Pair("strides", (1, 1)), Padding = LocalPadding(c), UseBias = c.Flag("use_bias", true), Activation = c.Activation(),
            KernelRegularizer = c.Regularizer("kernel_regularizer"), BiasRegularizer = c.Regularizer("bias_regularizer"),
        };
    }

    // Implementation 1 stores a kernel for each place; 2 and 3 store the whole matrix, most of it zeros.
    private static Padding LocalPadding(KerasLayerConfig c)
    {
        if (c.Integer("implementation", 1) != 1)
            throw c.Refuse("implementation", "weights of 2 and 3 are stored as one matrix of all inputs and outputs, which is not read", "In Keras, build the layer with implementation 1 and set its weights from the matrix");
        return c.Padding();
    }

    private static KerasLayerConfig Ungrouped(KerasLayerConfig c) => c.Integer("groups", 1) == 1 ? c
        : throw c.Refuse("groups", "a transposed convolution in groups is not built here", "Take one layer for each group and concatenate their outputs");

    private static int One(KerasLayerConfig c, string attribute, int? missing = null) => c.Extents(attribute, 1, missing is { } m ? [m] : null)[0];

    private static (int, int, int) Three(KerasLayerConfig c, string attribute, int? missing = null)
    {
        int[] values = c.Extents(attribute, 3, missing is { } m ? [m] : null);
        return (values[0], values[1], values[2]);
    }
}
