using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Graft.Models;

namespace Graft.Serving;

/// <summary>Continues the texts of several requests in one <see cref="ContinuousBatch"/>, from the arrival of the first to the end of the last.</summary>
internal sealed class TextScheduler(ICausalModel model) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Request> _arrived = [];
    private readonly Dictionary<ContinuedText, Request> _running = []; // of the loop alone
    private readonly ContinuousBatch _batch = new(model);
    private bool _isAtWork;

    /// <summary>The tokens of a text as they come. Its memory is given back when this has ended, also by cancellation.</summary>
    /// <exception cref="GraftException">The text cannot be continued.</exception>
    public async IAsyncEnumerable<int> Continue(int[] prompt, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var request = new Request(prompt, options);
        lock (_lock)
        {
            _arrived.Add(request);
            if (!_isAtWork)
                _ = Task.Run(Work, CancellationToken.None);
            _isAtWork = true;
        }
        try
        {
            await foreach (int token in request.Tokens.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
                yield return token;
        }
        finally
        {
            request.IsUnwanted = true;
            await request.Left.Task.ConfigureAwait(false);
        }
    }

    public void Dispose() => _batch.Dispose();

    private void Work()
    {
        while (true)
        {
            Request[] arrived;
            lock (_lock)
            {
                arrived = [.. _arrived];
                _arrived.Clear();
                _isAtWork = arrived.Length > 0 || _running.Count > 0;
                if (!_isAtWork)
                    return;
            }
            foreach (Request request in arrived)
                Begin(request);
            foreach ((ContinuedText text, Request request) in _running.Where(r => r.Value.IsUnwanted).ToArray())
                Leave(text, request, null);
            Step();
        }
    }

    private void Begin(Request request)
    {
        try
        {
            _running.Add(_batch.Add(request.Prompt, request.Options), request);
        }
        catch (Exception e) // the request's own, which it is told
        {
            request.End(e);
        }
    }

    private void Step()
    {
        try
        {
            foreach (ContinuedText text in _batch.Step())
            {
                Request request = _running[text];
                if (text.Error is null)
                    request.Tokens.Writer.TryWrite(text.LastToken); // there is room without bounds
                if (text.IsDone)
                    Leave(text, request, text.Error);
            }
        }
        catch (Exception e) // no fault of a text: each is told, and the next may come
        {
            foreach ((ContinuedText text, Request request) in _running.ToArray())
                Leave(text, request, e);
        }
    }

    private void Leave(ContinuedText text, Request request, Exception? error)
    {
        _batch.Remove(text);
        _running.Remove(text);
        request.End(error);
    }

    /// <summary>A text that somebody waits for.</summary>
    private sealed class Request(int[] prompt, GenerationOptions options)
    {
        private volatile bool _isUnwanted;

        public int[] Prompt { get; } = prompt;

        public GenerationOptions Options { get; } = options;

        public Channel<int> Tokens { get; } = Channel.CreateUnbounded<int>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

        /// <summary>Done when the text has no memory of the model any more.</summary>
        public TaskCompletionSource Left { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>True where nobody waits any longer.</summary>
        public bool IsUnwanted
        {
            get => _isUnwanted;
            set => _isUnwanted = value;
        }

        public void End(Exception? error)
        {
            Left.SetResult();
            Tokens.Writer.Complete(error);
        }
    }
}
