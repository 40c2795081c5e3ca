namespace Graft.Importers.Onnx;

/// <summary>Where the channels of images and volumes stand among the axes of an ONNX file's inputs and outputs.</summary>
public enum OnnxLayout
{
    /// <summary>[N,H,W,C], as the model has it here and in Keras.</summary>
    ChannelsLast,

    /// <summary>[N,C,H,W], as PyTorch's exporters write it.</summary>
    ChannelsFirst,
}

/// <summary>What an ONNX file with preprocessing takes as pixels, 0 to 255.</summary>
public enum OnnxPixels
{
    /// <summary>Bytes.</summary>
    UInt8,

    /// <summary>float32.</summary>
    Float,
}

/// <summary>How <see cref="OnnxExport"/> writes a model.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>The oldest and the newest operator set that is written.</summary>
    public const int OldestOpset = 17, NewestOpset = 21;

    /// <summary>Version of ONNX's operators, 17 to 21; 17 is the oldest that has all that is written.</summary>
    public int Opset { get; init; } = OldestOpset;

    /// <summary>True puts <see cref="Model.Preprocessing"/> into the file: its input are then RGB pixels of <see cref="Pixels"/>, 0 to 255, in the model's size.</summary>
    public bool IncludePreprocessing { get; init; }

    /// <summary>What pixels are where <see cref="IncludePreprocessing"/> is set.</summary>
    public OnnxPixels Pixels { get; init; }

    /// <summary>Order of the axes of images and volumes that come in and go out.</summary>
    public OnnxLayout Layout { get; init; }

    /// <summary>A fixed batch size; null writes the axis as 'batch', which takes any.</summary>
    public int? BatchSize { get; init; }

    /// <summary>
    /// For models with causal attention: keys and values of the tokens before come in as past_key_values.N.key and .value [batch,heads,past_sequence_length,D],
    /// and go out as present.N.key and .value, those of the new tokens behind them. The first step gives a past of length 0.
    /// </summary>
    public bool KeyValueCache { get; init; }

    /// <summary>
    /// For models with causal attention: adds the inputs attention_mask (int64, 1 for tokens and 0 for padding; [batch, all tokens, past ones among them]) and position_ids
    /// (int64, [batch, new tokens]), as Optimum writes them. Without it all tokens count and positions follow from the past.
    /// </summary>
    public bool AttentionMask { get; init; }

    /// <summary>For language models: true gives the logits of the last token alone, [batch,1,vocabulary].</summary>
    public bool LastLogitsOnly { get; init; }

    /// <summary>True puts the weights into a second file NAME.data beside the model; null only where a single file would pass protobuf's 2 GB.</summary>
    public bool? ExternalData { get; init; }
}
