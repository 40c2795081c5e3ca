using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Layers;

/// <summary>Every layer class by the name a model file gives it.</summary>
internal static class LayerCatalog
{
    private static readonly Dictionary<string, Func<JsonNode, Layer>> Classes = new()
    {
        ["InputLayer"] = c => new InputLayer(new Shape([.. c["shape"]!.AsArray().Select(d => (int)d!)])),
        ["Activation"] = ActivationLayer.Read,
        ["Add"] = _ => new Add(),
        ["AdditiveAttention"] = AdditiveAttention.Read,
        ["Attention"] = Attention.Read,
        ["AveragePooling2D"] = c => Pooling2D.Read(PoolKind.Average, c),
        ["BatchNormalization"] = BatchNormalization.Read,
        ["Bidirectional"] = Bidirectional.Read,
        ["CausalAttention"] = CausalAttention.Read,
        ["Concatenate"] = Concatenate.Read,
        ["Conv1D"] = Conv1D.Read,
        ["Conv1DTranspose"] = Conv1DTranspose.Read,
        ["Conv2D"] = Conv2D.Read,
        ["Conv2DTranspose"] = Conv2DTranspose.Read,
        ["Conv3D"] = Conv3D.Read,
        ["Conv3DTranspose"] = Conv3DTranspose.Read,
        ["ConvLSTM1D"] = c => new ConvLSTM1D(c),
        ["ConvLSTM2D"] = c => new ConvLSTM2D(c),
        ["ConvLSTM3D"] = c => new ConvLSTM3D(c),
        ["Cropping2D"] = Cropping2D.Read,
        ["Dense"] = Dense.Read,
        ["DepthwiseConv1D"] = DepthwiseConv1D.Read,
        ["DepthwiseConv2D"] = DepthwiseConv2D.Read,
        ["Dropout"] = Dropout.Read,
        ["Embedding"] = Embedding.Read,
        ["Flatten"] = _ => new Flatten(),
        ["GRU"] = c => new GRU(c),
        ["GRUCell"] = c => new GRUCell(c),
        ["GlobalAveragePooling2D"] = c => new GlobalAveragePooling2D { KeepDims = (bool?)c["keepdims"] ?? false },
        ["GlobalMaxPooling2D"] = c => new GlobalMaxPooling2D { KeepDims = (bool?)c["keepdims"] ?? false },
        ["GroupNormalization"] = GroupNormalization.Read,
        ["GroupedQueryAttention"] = c => new GroupedQueryAttention(c),
        ["LSTM"] = c => new LSTM(c),
        ["LSTMCell"] = c => new LSTMCell(c),
        ["LayerNormalization"] = LayerNormalization.Read,
        ["LeakyReLU"] = LeakyReLU.Read,
        ["LocallyConnected1D"] = LocallyConnected1D.Read,
        ["LocallyConnected2D"] = LocallyConnected2D.Read,
        ["Masking"] = Masking.Read,
        ["MaxPooling2D"] = c => Pooling2D.Read(PoolKind.Max, c),
        ["MultiHeadAttention"] = c => new MultiHeadAttention(c),
        ["Multiply"] = _ => new Multiply(),
        ["Permute"] = Permute.Read,
        ["PositionEmbedding"] = PositionEmbedding.Read,
        ["PReLU"] = PReLU.Read,
        ["RNN"] = c => new RNN(c),
        ["ReLU"] = ReLU.Read,
        ["Reshape"] = Reshape.Read,
        ["SeparableConv1D"] = SeparableConv1D.Read,
        ["SeparableConv2D"] = SeparableConv2D.Read,
        ["SimpleRNN"] = c => new SimpleRNN(c),
        ["SimpleRNNCell"] = c => new SimpleRNNCell(c),
        ["Softmax"] = Softmax.Read,
        ["TiedDense"] = TiedDense.Read,
        ["TimeDistributed"] = TimeDistributed.Read,
        ["UpSampling2D"] = UpSampling2D.Read,
        ["ZeroPadding2D"] = ZeroPadding2D.Read,
    };

    /// <summary>A layer of a class with the attributes that its WriteConfig wrote.</summary>
    /// <exception cref="GraftException">No layer class has that name.</exception>
    public static Layer Create(string className, JsonNode config) =>
        Classes.TryGetValue(className, out Func<JsonNode, Layer>? create) ? create(config)
            : throw new GraftException($"Unknown layer class '{className}'; this version knows {string.Join(", ", Classes.Keys.Order(StringComparer.Ordinal))}.");
}
