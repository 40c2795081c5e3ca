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
    private readonly List<(CudaCheck Check, int Thread)> _expected = [];
    private PinnedBuffer? _answers;

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
            _expected.Add((check, Environment.CurrentManagedThreadId));
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

    /// <summary>Looks at the answers to what this thread asked; all work so far is done.</summary>
    /// <exception cref="Exception">The first bad one's.</exception>
    public void Look()
    {
        Exception? failure = null;
        lock (_lock)
        {
            if (_expected.Count == 0)
                return;
            int thread = Environment.CurrentManagedThreadId;
            foreach ((CudaCheck check, int asker) in _expected)
            {
                if (asker != thread)
                    continue;
                int* answer = (int*)AddressOf(check);
                if (answer[0] >= 0)
                    failure ??= check.Failure(answer[0], answer[1]);
                if (!check.IsOfGraph)
                    _free.Push(check.Place);
            }
            _expected.RemoveAll(e => e.Thread == thread);
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
