using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>A question that a kernel answers, such as whether all token numbers are in the vocabulary.</summary>
/// <param name="Place">Of its answer among all.</param>
/// <param name="Failure">Makes the exception of a bad answer from a position and the 32 bits that stand there.</param>
/// <param name="IsOfGraph">True where each launch of a graph asks anew.</param>
internal sealed record CudaCheck(int Place, Func<int, int, Exception> Failure, bool IsOfGraph);

/// <summary>
/// Answers of kernels that the host does not wait for: they are copied into pinned memory behind the kernel, and looked at when this thread next reads
/// numbers back, such as the loss of the step, and has waited anyway.
/// </summary>
internal sealed unsafe class CudaChecks(CudaContext context) : IDisposable
{
    /// <summary>Bytes of an answer: the position of what is wrong, or -1, and what stands there.</summary>
    public const int AnswerBytes = 2 * sizeof(int);

    private const int Most = 512; // a page

    private readonly Lock _lock = new();
    private readonly Stack<int> _free = [];
    private readonly List<(CudaCheck Check, int Thread, long Number)> _expected = [];
    private PinnedBuffer? _answers;
    private long _asked;

    /// <summary>How often was asked: what is asked from now on has a higher number.</summary>
    public long Asked
    {
        get
        {
            lock (_lock)
                return _asked;
        }
    }

    /// <summary>Copies an answer to the host behind the kernel that gives it.</summary>
    /// <param name="answer">Where the kernel writes it.</param>
    /// <param name="failure">Makes the exception from a position and the 32 bits that stand there.</param>
    public void Ask(nint answer, Func<int, int, Exception> failure)
    {
        CudaRecording? recording = context.Recording is { Stream: not null } own ? own : null;
        CudaCheck check = Take(failure, recording is not null);
        if (recording is not null)
            recording.Checks.Add(check); // from here on it goes with the graph
        try
        {
            Check.Ok(Driver.cuMemcpyDtoHAsync_v2(AddressOf(check), (ulong)answer, AnswerBytes, context.Stream.Handle));
        }
        catch when (recording is null)
        {
            Return(check);
            throw;
        }
        if (recording is null)
            Expect(check);
    }

    /// <summary>A kernel that gives the answer was launched.</summary>
    public void Expect(CudaCheck check)
    {
        lock (_lock)
            _expected.Add((check, Environment.CurrentManagedThreadId, ++_asked));
    }

    /// <summary>Before a graph asks anew: what it asked last must have been looked at.</summary>
    public void Settle(IReadOnlyList<CudaCheck> checks)
    {
        lock (_lock)
        {
            if (!_expected.Exists(e => checks.Contains(e.Check)))
                return;
        }
        context.Synchronize();
        Look();
    }

    /// <summary>
    /// Looks at the answers to what this thread asked, up to a number of <see cref="Asked"/>; all work up to there is done. After a bad one, what the thread asked since is not
    /// looked at any more: it went on, as with backward behind the loss, on the numbers that were found wrong.
    /// </summary>
    /// <exception cref="Exception">The first bad one's.</exception>
    public void Look(long last = long.MaxValue)
    {
        Exception? failure = null;
        lock (_lock)
        {
            if (_expected.Count == 0)
                return;
            int thread = Environment.CurrentManagedThreadId;
            for (int i = 0; i < _expected.Count;)
            {
                (CudaCheck check, int asker, long number) = _expected[i]; // by their numbers
                if (asker != thread || (number > last && failure is null))
                {
                    i++;
                    continue;
                }
                int* answer = (int*)AddressOf(check);
                if (failure is null && answer[0] >= 0)
                    failure = check.Failure(answer[0], answer[1]);
                if (!check.IsOfGraph)
                    _free.Push(check.Place); // the next answer is written there in the order of the stream
                _expected.RemoveAt(i);
            }
        }
        if (failure is not null)
            throw failure;
    }

    /// <summary>A graph's check is over.</summary>
    public void Return(CudaCheck check)
    {
        lock (_lock)
        {
            _expected.RemoveAll(e => e.Check == check);
            _free.Push(check.Place);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _answers?.Dispose();
        _answers = null;
    }

    private nint AddressOf(CudaCheck check) => _answers!.Address + check.Place * AnswerBytes;

    private CudaCheck Take(Func<int, int, Exception> failure, bool isOfGraph)
    {
        for (bool waited = false; ; waited = true)
        {
            lock (_lock)
            {
                if (_answers is null)
                {
                    _answers = new PinnedBuffer(Most * AnswerBytes);
                    for (int place = Most - 1; place >= 0; place--)
                        _free.Push(place);
                }
                if (_free.TryPop(out int free))
                    return new CudaCheck(free, failure, isOfGraph);
            }
            if (waited)
                throw new CudaException($"{Most} checks of kernels wait for an answer on other threads or belong to recorded work; read results back, or use fewer models at once.");
            context.Synchronize();
            Look();
        }
    }
}
