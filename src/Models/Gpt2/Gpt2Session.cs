using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;

namespace Graft.Models;

/// <summary>
/// Sequences that a GPT-2 reads, with the keys and values of all that was read. A pass runs new tokens through all blocks; queries, keys and values come
/// from one product, residual sums and the activation are part of the products before them. Where the device records work, a pass of one token a sequence is
/// a <see cref="Gpt2Decoding"/>.
/// </summary>
internal sealed partial class Gpt2Session : CausalSession
{
    /// <summary>Rows of a pass: long prompts are read in pieces, so that the pieces stay in the cache.</summary>
    private const int MostRows = 512;

    private readonly Gpt2Layers _layers;
    private readonly Gpt2Config _config;
    private readonly IReadOnlyDictionary<Layer, PackedProduct> _packed;
    private readonly Device _device;
    private readonly int[] _lengths;
    private readonly Tensor[] _keys, _values;
    private readonly Tensor _past, _last, _logits;
    private readonly Gpt2Decoding? _decoding;
    private Buffers? _buffers;
    private Tensor? _spare, _low, _share;
    private bool _isDisposed;

    public Gpt2Session(Gpt2Layers layers, int sequences, int capacity)
    {
        (_layers, _config) = (layers, layers.Config);
        if (sequences < 1)
            throw new GraftException($"GPT-2: {sequences} sequences; a session has one or more.");
        if (capacity < 1 || capacity > _config.Positions)
            throw new GraftException($"GPT-2: room for {capacity} tokens; this model takes 1 to {_config.Positions} (n_positions). Shorten the prompt or generate less.");
        Capacity = capacity;
        _packed = layers.Pack();
        _device = layers.Tokens.Parameters[0].Device;
        _lengths = new int[sequences];
        (_keys, _values) = (new Tensor[layers.Blocks.Length], new Tensor[layers.Blocks.Length]);
        try
        {
            for (int i = 0; i < _keys.Length; i++)
            {
                _keys[i] = NewCache();
                _values[i] = NewCache();
            }
            _past = Tensor.Allocate(_device, new Shape(sequences), DType.Int32);
            _last = Tensor.Allocate(_device, new Shape(sequences, _config.Width));
            _logits = Tensor.Allocate(_device, new Shape(sequences, _config.VocabularySize));
            _decoding = Kernels.Records ? new Gpt2Decoding(_device, sequences) : null;
        }
        catch
        {
            Dispose(); // what there is of them
            throw;
        }
    }

    public override int Sequences => _lengths.Length;

    public override int VocabularySize => _config.VocabularySize;

    public override int Capacity { get; }

    private KernelSet Kernels => _device.Kernels;

    public override int HiddenSize => _config.Width;

    public override int Length(int sequence) => _lengths[sequence];

    public override void Read(IReadOnlyList<int[]> tokens, Span<float> logits) => Read(tokens, logits, []);

    public override void Read(IReadOnlyList<int[]> tokens, Span<float> logits, Span<float> hidden)
    {
        int[] before = [.. _lengths];
        try
        {
            ReadAll(tokens, logits, hidden);
        }
        catch
        {
            before.CopyTo(_lengths, 0); // the session is as it was: rows behind the length are not read
            throw;
        }
    }

    private void ReadAll(IReadOnlyList<int[]> tokens, Span<float> logits, Span<float> hidden)
    {
        Check(tokens, logits.Length);
        if (hidden.Length > 0 && hidden.Length != tokens.Sum(t => t.Length) * _config.Width)
            throw new GraftException($"GPT-2: room for {hidden.Length} numbers of hidden states; {tokens.Sum(t => t.Length)} tokens of {_config.Width} are read.");
        int count = tokens[0].Length;
        if (_decoding is not null && hidden.Length == 0 && tokens.All(t => t.Length == 1))
        {
            Decode([.. tokens.Select(t => t[0])], null, 0);
            Kernels.Memory.Download(_logits.Data, logits);
            return;
        }
        if (tokens.All(t => t.Length == count) && Sequences * count <= MostRows)
        {
            Pass(0, Sequences, count, (s, i) => tokens[s][i], hidden);
        }
        else
        {
            for (int s = 0; s < Sequences; s++)
            {
                for (int first = 0; first < tokens[s].Length; first += MostRows)
                {
                    int[] own = tokens[s];
                    int start = first, rows = Math.Min(MostRows, own.Length - first);
                    Pass(s, 1, rows, (_, i) => own[start + i], hidden.Length > 0 ? hidden[..(rows * _config.Width)] : hidden);
                    hidden = hidden.Length > 0 ? hidden[(rows * _config.Width)..] : hidden;
                }
            }
        }
        Head(_last.Data, Sequences, _logits);
        Kernels.Memory.Download(_logits.Data, logits);
    }

    public override void Reorder(ReadOnlySpan<int> parents)
    {
        if (parents.Length != Sequences)
            throw new GraftException($"GPT-2: {parents.Length} parents for {Sequences} sequences.");
        bool moves = false;
        for (int s = 0; s < parents.Length; s++)
        {
            if (parents[s] < 0 || parents[s] >= Sequences)
                throw new GraftException($"GPT-2: sequence {s} would go on from sequence {parents[s]}; there are 0 to {Sequences - 1}.");
            moves |= parents[s] != s;
        }
        if (!moves)
            return;
        _spare ??= NewCache();
        _decoding?.Forget();
        for (int block = 0; block < _keys.Length; block++)
        {
            Reorder(ref _keys[block], parents);
            Reorder(ref _values[block], parents);
        }
        int[] before = [.. _lengths];
        for (int s = 0; s < parents.Length; s++)
            _lengths[s] = before[parents[s]];
    }

    public override void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _decoding?.Dispose();
        foreach (Tensor? t in (Tensor?[])[.. _keys, .. _values, _past, _last, _logits])
            t?.Release();
        GiveBack(ref _spare);
        GiveBack(ref _low);
        GiveBack(ref _share);
        GiveBack(ref _logitsTogether);
        _buffers?.Release();
        _buffers = null;
    }

    private Tensor NewCache() => Tensor.Allocate(_device, new Shape(Sequences, Capacity, _config.Width));

    private void Reorder(ref Tensor cache, ReadOnlySpan<int> parents)
    {
        long row = (long)Capacity * _config.Width;
        for (int s = 0; s < parents.Length; s++)
            Kernels.Memory.Copy(cache.Data.At(parents[s] * row), _spare!.Data.At(s * row), (long)_lengths[parents[s]] * _config.Width);
        (cache, _spare) = (_spare!, cache);
    }

    private void Check(IReadOnlyList<int[]> tokens, int logits)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, typeof(CausalSession));
        if (_layers.Tokens.Parameters[0].Device is var device && device != _device)
            throw new GraftException($"GPT-2: the session was opened on {_device}, where its keys and values are, but the model lies on {device} now. Open another session after MoveTo.");
        if (_packed.Count == 0)
            _layers.Pack(); // the model was elsewhere meanwhile
        if (tokens.Count != Sequences || logits != Sequences * VocabularySize)
            throw new GraftException($"GPT-2: tokens for {tokens.Count} sequences and room for {logits} logits; the session has {Sequences} sequences of {VocabularySize} logits.");
        for (int s = 0; s < Sequences; s++)
        {
            if (tokens[s].Length == 0)
                throw new GraftException($"GPT-2: sequence {s} gets no token; a prompt has one or more.");
            if (_lengths[s] + tokens[s].Length > Capacity)
                throw new GraftException($"GPT-2: sequence {s} would hold {_lengths[s] + tokens[s].Length} tokens; there is room for {Capacity}{(Capacity == _config.Positions ? " (n_positions)" : "")}.");
            int wrong = Array.FindIndex(tokens[s], t => t < 0 || t >= VocabularySize);
            if (wrong >= 0)
                throw new GraftException($"GPT-2: token {tokens[s][wrong]} at place {wrong} of sequence {s} is not in the vocabulary of {VocabularySize}. Is this the tokenizer of this model?");
        }
    }

    /// <summary>
    /// Reads <paramref name="count"/> tokens into each of some sequences; the hidden row of the last goes to its place in _last, and all of them,
    /// normalised, to the host where there is room.
    /// </summary>
    private void Pass(int first, int sequences, int count, Func<int, int, int> token, Span<float> hidden)
    {
        int rows = sequences * count, width = _config.Width;
        Buffers b = Take(rows);
        for (int s = 0; s < sequences; s++)
        {
            for (int i = 0; i < count; i++)
                (b.HostIds[s * count + i], b.HostPlaces[s * count + i]) = (token(s, i), _lengths[first + s] + i);
        }
        Kernels.Memory.Upload<int>(b.HostIds.AsSpan(0, rows), b.Ids.IntData);
        Kernels.Memory.Upload<int>(b.HostPlaces.AsSpan(0, rows), b.Places.IntData);
        Kernels.Memory.Upload<int>(_lengths.AsSpan(first, sequences), _past.IntData);
        Blocks(b, first, sequences, count, b.Ids.IntData, b.Places.IntData, _past.IntData);
        for (int s = 0; s < sequences; s++)
        {
            _lengths[first + s] += count;
            Kernels.Memory.Copy(b.X.Data.At(((long)s * count + count - 1) * width), _last.Data.At((long)(first + s) * width), width);
        }
        if (hidden.Length == 0)
            return;
        Norm(_layers.Norm, rows, b.X.Data, b.Normed.Data, b);
        Kernels.Memory.Download(b.Normed.Data, hidden);
    }

    /// <summary>From tokens to what the last block gives, in the buffers' X.</summary>
    private void Blocks(Buffers b, int first, int sequences, int count, DevicePtr<int> ids, DevicePtr<int> places, DevicePtr<int> past)
    {
        Embed(b, sequences * count, ids, places);
        long start = (long)first * Capacity * _config.Width;
        for (int i = 0; i < _layers.Blocks.Length; i++)
            Block(_layers.Blocks[i], b, sequences * count, Attention(sequences, count), past, _keys[i].Data.At(start), _values[i].Data.At(start));
    }

    private CachedAttentionGeometry Attention(int sequences, int count) => new(sequences, count, Capacity, _config.Heads, _config.Width / _config.Heads, 0);

    /// <summary>Token and position to X.</summary>
    private void Embed(Buffers b, int rows, DevicePtr<int> ids, DevicePtr<int> places)
    {
        int width = _config.Width;
        var tokens = new EmbeddingGeometry(rows, VocabularySize, width);
        if (!Kernels.Embedding.ForwardSum(tokens, ids, Value(_layers.Tokens, 0), places, Value(_layers.Positions, 0), _config.Positions, b.X.Data))
        {
            Kernels.Embedding.Forward(tokens, ids, Value(_layers.Tokens, 0), b.X.Data);
            Kernels.Embedding.Forward(tokens with { V = _config.Positions }, places, Value(_layers.Positions, 0), b.Normed.Data);
            Kernels.Memory.Accumulate(b.Normed.Data, b.X.Data, (long)rows * width, 1);
        }
    }

    private void Block(Gpt2Block block, Buffers b, int rows, in CachedAttentionGeometry attention, DevicePtr<int> past, DevicePtr<float> keys, DevicePtr<float> values)
    {
        NormedDense(block.AttentionNorm, block.QueryKeyValue, rows, b.X.Data, b.Inner.Data, b);
        Kernels.CausalAttention.ForwardCached(attention with { Scale = block.Scale }, b.Inner.Data, past, keys, values, b.Normed.Data);
        AfterAttention(block, b, rows);
    }

    private void AfterAttention(Gpt2Block block, Buffers b, int rows)
    {
        Dense(block.AttentionOut, rows, b.Normed.Data, b.X.Data, b.X.Data);
        NormedDense(block.MlpNorm, block.MlpIn, rows, b.X.Data, b.Inner.Data, b);
        Dense(block.MlpOut, rows, b.Inner.Data, b.X.Data, b.X.Data);
    }

    /// <summary>The logits behind a row of each sequence.</summary>
    private void Head(DevicePtr<float> x, int rows, Tensor logits)
    {
        Buffers b = Take(rows);
        if (_layers.Head is Dense own)
        {
            NormedDense(_layers.Norm, own, rows, x, logits.Data, b);
            return;
        }
        _packed.TryGetValue(_layers.Head, out PackedProduct? head);
        if (head?.RunNormed(rows, Normalization(_layers.Norm), x, DevicePtr<float>.Null, DevicePtr<float>.Null, null, logits.Data) == true)
            return;
        Norm(_layers.Norm, rows, x, b.Normed.Data, b);
        if (head is not null)
            head.Run(rows, b.Normed.Data, DevicePtr<float>.Null, DevicePtr<float>.Null, null, logits.Data);
        else
            Kernels.MatMul.Forward(new MatMulGeometry(rows, VocabularySize, _config.Width, false, true, [0], [0], 1, 1), b.Normed.Data, Value(_layers.Tokens, 0), logits.Data);
    }

    private void Dense(Dense layer, int rows, DevicePtr<float> x, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (layer.Adapter is { IsMerged: false } adapter)
        {
            (Tensor low, Tensor share) = Room(rows, adapter.Rank, layer.Units);
            adapter.Run(rows, x, low.Data, residual, share.Data);
            residual = share.Data; // what is added before the activation
        }
        _packed[layer].Run(rows, x, Bias(layer), residual, Formula(layer), y);
    }

    /// <summary>A product of normalised rows; the rows go to Normed where that is no one kernel.</summary>
    private void NormedDense(LayerNormalization norm, Dense layer, int rows, DevicePtr<float> x, DevicePtr<float> y, Buffers b)
    {
        bool isAlone = layer.Adapter is not { IsMerged: false };
        if (isAlone && _packed[layer].RunNormed(rows, Normalization(norm), x, Bias(layer), DevicePtr<float>.Null, Formula(layer), y))
            return;
        Norm(norm, rows, x, b.Normed.Data, b);
        Dense(layer, rows, b.Normed.Data, DevicePtr<float>.Null, y);
    }

    private RowNorm Normalization(LayerNormalization layer) => new(Value(layer, 0), Value(layer, 1), _config.LayerNormEpsilon);

    private static DevicePtr<float> Bias(Dense layer) => layer.UseBias ? Value(layer, 1) : DevicePtr<float>.Null;

    private static UnaryFormula? Formula(Dense layer) => layer.Activation == Activation.Linear ? null : layer.Activation.Formula();

    private void Norm(LayerNormalization layer, int rows, DevicePtr<float> x, DevicePtr<float> y, Buffers b) => Kernels.LayerNorm.Forward(
        new LayerNormGeometry(rows, _config.Width, _config.LayerNormEpsilon), x, Value(layer, 0), Value(layer, 1), y, b.Mean.Data, b.Deviation.Data);

    private static DevicePtr<float> Value(Layer layer, int index) => layer.Parameters[index].Value.Data;

    /// <summary>Room for what an adapter computes: [rows,rank] and [rows,outputs].</summary>
    private (Tensor Low, Tensor Share) Room(int rows, int rank, int outputs)
    {
        if (_low is null || _low.Count < (long)rows * rank)
        {
            GiveBack(ref _low);
            _low = Tensor.Allocate(_device, new Shape(rows, rank));
        }
        if (_share is null || _share.Count < (long)rows * outputs)
        {
            GiveBack(ref _share);
            _share = Tensor.Allocate(_device, new Shape(rows, outputs));
        }
        return (_low, _share);
    }

    /// <summary>Forgets it as well: where there is no memory for the next, nobody gives it back again.</summary>
    private static void GiveBack(ref Tensor? tensor)
    {
        tensor?.Release();
        tensor = null;
    }

    /// <summary>Buffers with room for so many rows.</summary>
    private Buffers Take(int rows)
    {
        if (_buffers is not null && _buffers.Rows >= rows)
            return _buffers;
        _buffers?.Release();
        _buffers = null;
        return _buffers = new Buffers(_device, rows, _config.Width, Math.Max(3 * _config.Width, _layers.Blocks[0].MlpIn.Units));
    }

    /// <summary>What a pass computes in.</summary>
    private sealed class Buffers
    {
        private readonly List<Tensor> _all = [];

        public Buffers(Device device, int rows, int width, int inner)
        {
            (Rows, HostIds, HostPlaces) = (rows, new int[rows], new int[rows]);
            try
            {
                Ids = New(device, new Shape(rows), DType.Int32);
                Places = New(device, new Shape(rows), DType.Int32);
                X = New(device, new Shape(rows, width));
                Normed = New(device, new Shape(rows, width));
                Inner = New(device, new Shape(rows, inner));
                Mean = New(device, new Shape(rows));
                Deviation = New(device, new Shape(rows));
            }
            catch
            {
                Release();
                throw;
            }
        }

        public int Rows { get; }

        public int[] HostIds { get; }

        public int[] HostPlaces { get; }

        public Tensor Ids { get; }

        public Tensor Places { get; }

        public Tensor X { get; }

        /// <summary>After a norm; also the positions' rows, and the output of attention.</summary>
        public Tensor Normed { get; }

        /// <summary>Queries, keys and values; or what lies between the two Dense layers.</summary>
        public Tensor Inner { get; }

        public Tensor Mean { get; }

        public Tensor Deviation { get; }

        public IReadOnlyList<Tensor> All => _all;

        public void Release() => _all.ForEach(t => t.Release());

        private Tensor New(Device device, Shape shape, DType type = DType.Float32)
        {
            Tensor made = Tensor.Allocate(device, shape, type);
            _all.Add(made);
            return made;
        }
    }
}
