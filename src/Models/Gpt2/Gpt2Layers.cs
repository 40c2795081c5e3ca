using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;

namespace Graft.Models;

/// <summary>The layers of a GPT-2, made once; each length of sequence has a graph of its own on them.</summary>
internal sealed class Gpt2Layers
{
    private readonly Dictionary<Layer, PackedProduct> _packed = [];
    private readonly Lock _packing = new(); // threads may open sessions at once
    private ComputePrecision _packedFor;

    public Gpt2Layers(Gpt2Config config)
    {
        Config = config;
        Initializer normal = Initializers.Normal(config.InitializerRange);
        // The sum along the residual path grows with its 2 n_layer terms (Radford et al. 2019, section 2.3).
        Initializer residual = Initializers.Normal(config.InitializerRange / Math.Sqrt(2.0 * config.Blocks));
        Tokens = new Embedding(config.VocabularySize, config.Width) { Name = "wte", EmbeddingsInitializer = normal };
        Positions = new PositionEmbedding(config.Positions) { Name = "wpe", EmbeddingsInitializer = normal };
        EmbeddingDropout = new Dropout(config.EmbeddingDropout) { Name = "drop" };
        Blocks = [.. Enumerable.Range(0, config.Blocks).Select(i => new Gpt2Block(config, i, normal, residual))];
        Norm = new LayerNormalization { Name = "ln_f", Epsilon = config.LayerNormEpsilon };
        Head = config.TieEmbeddings ? new TiedDense(Tokens) { Name = "lm_head" }
            : new Dense(config.VocabularySize) { Name = "lm_head", UseBias = false, KernelInitializer = normal };
    }

    public Gpt2Config Config { get; }

    public Embedding Tokens { get; }

    public PositionEmbedding Positions { get; }

    public Dropout EmbeddingDropout { get; }

    public Gpt2Block[] Blocks { get; }

    public LayerNormalization Norm { get; }

    public Layer Head { get; }

    /// <summary>How weights are stored for generation.</summary>
    public WeightPrecision Precision { get; set; }

    /// <summary>What products of many rows are computed in, where weights are float32.</summary>
    public ComputePrecision Products { get; set; }

    /// <summary>
    /// The weights of products in the order in which they are read for generation, packed anew where they or their precision have changed. A tied output
    /// layer is among them where it is stored in fewer bits, or where the device reads the embedding itself as such.
    /// </summary>
    public IReadOnlyDictionary<Layer, PackedProduct> Pack()
    {
        lock (_packing)
            return PackChanged();
    }

    private Dictionary<Layer, PackedProduct> PackChanged()
    {
        if (_packedFor != Products)
            DropPacked();
        _packedFor = Products;
        foreach (Layer layer in Blocks.SelectMany(b => b.Layers).OfType<Dense>().Append(Head))
        {
            Tensor weight = layer is TiedDense tied ? tied.Embedding.Parameters[0].Value : layer.Parameters[0].Value;
            if (!_packed.TryGetValue(layer, out PackedProduct? packed) || packed.Kernel != weight || Precision != ((packed as PackedNarrowDense)?.Precision ?? WeightPrecision.Float32))
            {
                packed?.Dispose();
                _packed.Remove(layer);
                KernelSet kernels = weight.Device.Kernels.In(Products);
                if (Precision == WeightPrecision.Float32 && layer is TiedDense && !kernels.FrozenDense.ReadsTransposed)
                    continue;
                _packed[layer] = packed = (Precision, layer) switch
                {
                    (WeightPrecision.Float32, TiedDense) => new TiedProduct(weight, kernels),
                    (WeightPrecision.Float32, _) => new PackedDense(weight, kernels),
                    _ => new PackedNarrowDense(weight, Precision, layer is TiedDense),
                };
            }
            packed.Refresh();
        }
        return _packed;
    }

    /// <summary>Bytes of the weights of products as they are stored for generation.</summary>
    public long ProductBytes => Pack().Values.Sum(p => p.Bytes) + (_packed.ContainsKey(Head) ? 0 : sizeof(float) * Tokens.Parameters[0].Shape.Count);

    /// <summary>Gives the packed weights back.</summary>
    public void DropPacked()
    {
        lock (_packing)
        {
            foreach (PackedProduct packed in _packed.Values)
                packed.Dispose();
            _packed.Clear();
        }
    }

    /// <summary>Lets the last blocks and the final norm move.</summary>
    public void Unfreeze(int blocks)
    {
        foreach (Layer layer in Blocks[^blocks..].SelectMany(b => b.Layers))
            layer.Trainable = true;
        Norm.Trainable = true;
    }

    /// <summary>Ids [N,length] to logits [N,length,vocabulary].</summary>
    public (Node Input, Node Output) Graph(int length)
    {
        (Node input, Node hidden) = Body(length);
        return (input, Head.Apply(hidden));
    }

    /// <summary>Ids [N,length] to what the last norm gives, [N,length,width].</summary>
    public (Node Input, Node Hidden) Body(int length)
    {
        Node input = Node.Input(new Shape(length), "input_ids");
        Node x = EmbeddingDropout.Apply(Positions.Apply(Tokens.Apply(input)));
        foreach (Gpt2Block block in Blocks)
            x = block.Apply(x);
        return (input, Norm.Apply(x));
    }
}

/// <summary>A block: x + attention(norm(x)), then x + mlp(norm(x)).</summary>
internal sealed class Gpt2Block
{
    private readonly Dropout _attentionEnd, _mlpEnd;
    private readonly string _name;

    public Gpt2Block(Gpt2Config config, int index, Initializer normal, Initializer residual)
    {
        _name = $"h.{index}";
        AttentionNorm = new LayerNormalization { Name = $"{_name}.ln_1", Epsilon = config.LayerNormEpsilon };
        QueryKeyValue = new Dense(3 * config.Width) { Name = $"{_name}.attn.c_attn", KernelInitializer = normal };
        Scale = (config.ScaleAttention ? 1 / MathF.Sqrt(config.Width / config.Heads) : 1) / (config.ScaleAttentionByBlock ? index + 1 : 1);
        Attention = new CausalAttention(config.Heads) { Name = $"{_name}.attn", Scale = Scale, DropoutRate = config.AttentionDropout };
        AttentionOut = new Dense(config.Width) { Name = $"{_name}.attn.c_proj", KernelInitializer = residual };
        _attentionEnd = new Dropout(config.ResidualDropout) { Name = $"{_name}.attn.resid_dropout" };
        MlpNorm = new LayerNormalization { Name = $"{_name}.ln_2", Epsilon = config.LayerNormEpsilon };
        MlpIn = new Dense(config.InnerWidth > 0 ? config.InnerWidth : 4 * config.Width, config.Activation) { Name = $"{_name}.mlp.c_fc", KernelInitializer = normal };
        MlpOut = new Dense(config.Width) { Name = $"{_name}.mlp.c_proj", KernelInitializer = residual };
        _mlpEnd = new Dropout(config.ResidualDropout) { Name = $"{_name}.mlp.dropout" };
    }

    public LayerNormalization AttentionNorm { get; }

    public Dense QueryKeyValue { get; }

    public CausalAttention Attention { get; }

    public float Scale { get; }

    public Dense AttentionOut { get; }

    public LayerNormalization MlpNorm { get; }

    public Dense MlpIn { get; }

    public Dense MlpOut { get; }

    /// <summary>The layers with parameters.</summary>
    public IEnumerable<Layer> Layers => [AttentionNorm, QueryKeyValue, AttentionOut, MlpNorm, MlpIn, MlpOut];

    public Node Apply(Node x)
    {
        Node attention = _attentionEnd.Apply(AttentionOut.Apply(Attention.Apply(QueryKeyValue.Apply(AttentionNorm.Apply(x)))));
        x = new Add { Name = $"{_name}.add_1" }.Apply(x, attention);
        Node mlp = _mlpEnd.Apply(MlpOut.Apply(MlpIn.Apply(MlpNorm.Apply(x))));
        return new Add { Name = $"{_name}.add_2" }.Apply(x, mlp);
    }
}
