using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.HuggingFace;

/// <summary>The weights of GPT-2 under the names of the official file, whichever form the file has (<see cref="Gpt2Names"/>).</summary>
/// <remarks>
/// A prefix is dropped, and so are causal masks, and "lm_head.weight" where it is tied to "wte.weight": it is the same matrix. Biases that
/// TensorFlow keeps as [1,out] are [out].
/// </remarks>
public sealed class Gpt2Weights : WeightFile
{
    private const string Head = "lm_head.weight", Embedding = "wte.weight";

    private readonly WeightFile _file;
    private readonly Dictionary<string, (string Name, Shape Shape)> _arrays = [];

    private Gpt2Weights(WeightFile file) => _file = file;

    /// <inheritdoc/>
    public override string Source => _file.Source;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _arrays.Keys;

    /// <inheritdoc/>
    public override bool ReadsInPlace => _file.ReadsInPlace;

    /// <summary>The file's own names that were left out: masks, and the head that is tied.</summary>
    public IReadOnlyList<string> Dropped { get; private init; } = [];

    /// <summary>Names the weights of a file.</summary>
    /// <param name="file">safetensors, torch.save, TensorFlow's HDF5, or the index of shards of one of them.</param>
    /// <param name="tied">True where the head is the embedding: "tie_word_embeddings" of config.json, which is true where it is not said.</param>
    /// <exception cref="GraftException">Two arrays of the file are the same weight: one with a prefix and one without.</exception>
    public static Gpt2Weights Of(WeightFile file, bool tied = true)
    {
        bool tensorFlow = file is KerasHdf5 || file is ShardedWeights { Shards: [KerasHdf5, ..] };
        List<string> dropped = [];
        var weights = new Gpt2Weights(file) { Dropped = dropped };
        foreach (string name in file.Names)
        {
            string? plain = tensorFlow ? Gpt2Names.FromTensorFlow(name) : Gpt2Names.FromTorch(name);
            if (plain is null || (plain == Head && tied))
                dropped.Add(name);
            else if (!weights._arrays.TryAdd(plain, (name, Squeezed(file.ShapeOf(name), tensorFlow && plain.EndsWith(".bias", StringComparison.Ordinal)))))
                throw new GraftException($"{file.Source}: has '{plain}' twice: as '{name}' and as '{weights._arrays[plain].Name}'. Save the model again.");
        }
        // A file with the head alone (saved from it, or by a program that keeps one name of a tied pair) has the embedding in it.
        if (tied && !weights._arrays.ContainsKey(Embedding) && dropped.Find(n => n == Head) is { } head)
        {
            dropped.Remove(head);
            weights._arrays[Embedding] = (head, file.ShapeOf(head));
        }
        return weights;
    }

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _arrays[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name) => _file.Read(_arrays[name].Name);

    /// <inheritdoc/>
    public override void ReadInto(string name, Span<float> destination) => _file.ReadInto(_arrays[name].Name, destination);

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) => Gpt2Names.Locate(layer, parameter);

    // [1,out] -> [out]
    private static Shape Squeezed(Shape shape, bool isRow) => isRow && shape.Rank == 2 && shape[0] == 1 ? shape.Tail() : shape;
}
