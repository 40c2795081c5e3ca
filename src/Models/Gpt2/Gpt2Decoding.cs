using Graft.Kernels;

namespace Graft.Models;

/// <summary>
/// The pass of one token through each sequence of a session, where the device records work: what changes from token to token (tokens, lengths, draws) lies on
/// the device and is counted on there, so that a pass is the same work each time. The first runs as ever, the second is recorded, later ones are one launch.
/// While the host waits for the number of a token, the pass of that token is under way already; where something else is asked for next, it was in vain.
/// </summary>
/// <param name="device">Where it runs.</param>
/// <param name="sequences">Sequences of the session.</param>
internal sealed class Gpt2Decoding(Device device, int sequences) : IDisposable
{
    private const int MostRefusals = 2; // what a library tries out at its first use is no part of the next

    private readonly Tensor _state = Tensor.Allocate(device, new Shape(3, sequences), DType.Int32); // tokens; lengths and draws, which kernels count
    private readonly int[] _host = new int[3 * sequences];
    private bool _isKnown; // the state of the device is that of the host's copy, or a pass further where that is ahead
    private bool _continues; // the last pass read what the one before chose
    private bool _isAhead; // the next pass was launched
    private int _version; // of what it reads
    private RecordedWork? _recorded;
    private Tensor[] _reads = [];
    private (TokenChoice? Choice, int Revision) _key;
    private int _alike, _lost, _refusals;
    private string _obstacle = "";

    /// <summary>The tokens, [sequences].</summary>
    public DevicePtr<int> Tokens => _state.IntData;

    /// <summary>Lengths and draws, [2,sequences]; the lengths are the places of the tokens too.</summary>
    public DevicePtr<int> Counters => _state.IntData.At(sequences);

    /// <summary>How a pass is handed in, for people.</summary>
    public string Description => _recorded is not null ? $"{_recorded}, one launch a token" : _obstacle.Length > 0 ? $"no CUDA graph: {_obstacle}" : "kernel by kernel";

    /// <summary>Brings what the device does not have: nothing where the tokens are those that it chose itself.</summary>
    public void Bring(ReadOnlySpan<int> tokens, ReadOnlySpan<int> lengths, int draws)
    {
        Span<int> own = _host;
        bool isThere = _isKnown && own[..sequences].SequenceEqual(tokens) && own.Slice(sequences, sequences).SequenceEqual(lengths) && own[^1] == draws;
        _isKnown = false; // until the pass has succeeded
        _continues = isThere;
        if (!isThere)
        {
            _isAhead = false;
            tokens.CopyTo(own);
            lengths.CopyTo(own[sequences..]);
            own[(2 * sequences)..].Fill(draws);
            device.Kernels.Memory.Upload<int>(own, _state.IntData);
        }
    }

    /// <summary>The tokens that a pass chose, or negative numbers as <see cref="TokenChoiceKernels"/> has them; waits for it.</summary>
    /// <param name="chosen">[sequences].</param>
    /// <param name="hasRoom">True where every sequence has room for another token: the next pass may be launched.</param>
    public void Read(Span<int> chosen, bool hasRoom)
    {
        device.Kernels.Memory.Download(Tokens, chosen, () => GoOn(hasRoom));
        chosen.CopyTo(_host);
        foreach (ref int counter in _host.AsSpan(sequences))
            counter++;
        _isKnown = true;
    }

    /// <summary>Runs a pass, recorded where it can be.</summary>
    /// <param name="choice">What is chosen at its end; null for nothing.</param>
    /// <param name="revision">Counts changes of the layers.</param>
    /// <param name="reads">Every tensor whose address the pass has.</param>
    /// <param name="pass">The pass; it takes no memory when it runs a second time.</param>
    public void Run(TokenChoice? choice, int revision, Func<Tensor[]> reads, Action pass)
    {
        bool isAhead = _isAhead;
        _isAhead = false;
        if (_key != (choice, revision) || Array.Exists(_reads, t => t.IsReleased))
            Forget();
        if (isAhead)
        {
            if (_recorded is not null && _version == Version())
                return; // it is this one
            device.Kernels.Memory.Upload<int>(_host, _state.IntData); // it was in vain, and moved the state
        }
        if (_recorded is not null)
        {
            _recorded.Launch();
            return;
        }
        if (_alike++ < 1 << _lost || _refusals == MostRefusals)
        {
            _key = (choice, revision);
            pass();
            return;
        }
        _reads = reads();
        _recorded = device.Kernels.RunAndRecord(pass, out _obstacle);
        _refusals += _recorded is null ? 1 : 0;
    }

    /// <summary>Addresses have changed. Where that happens again and again, as with beams, recording is worth less and less.</summary>
    public void Forget()
    {
        if (_recorded is not null)
            _lost = Math.Min(_lost + 1, 16);
        _recorded?.Dispose();
        _recorded = null;
        (_alike, _reads) = (0, []);
    }

    /// <summary>Launches the pass that follows, where tokens follow one another so.</summary>
    private void GoOn(bool hasRoom)
    {
        if (!hasRoom || !_continues || _recorded is null || Array.Exists(_reads, t => t.IsReleased))
            return;
        try
        {
            _version = Version();
            _recorded.Launch();
            _isAhead = true;
        }
        catch (GraftException)
        {
            // It is launched again when it is asked for, and says then what is wrong.
        }
    }

    /// <summary>Counts changes of the tensors that a pass reads.</summary>
    private int Version()
    {
        int sum = 0;
        foreach (Tensor tensor in _reads)
            sum = unchecked(sum + tensor.Version);
        return sum;
    }

    public void Dispose()
    {
        _recorded?.Dispose();
        _recorded = null;
        _state.Release();
    }
}
