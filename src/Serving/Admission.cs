using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>Bounds what is in the server at one time, so that a flood is turned away at the door instead of filling the memory.</summary>
/// <param name="limit">Samples at one time.</param>
internal sealed class Admission(int limit)
{
    private int _taken, _arriving;

    /// <summary>Samples in the server: a request is one until it is known how many it brings.</summary>
    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Those of them whose requests are still being read.</summary>
    public int Arriving => Volatile.Read(ref _arriving);

    /// <summary>Samples that fit.</summary>
    public int Limit => limit;

    /// <summary>Lets a request in, before its body is read.</summary>
    /// <exception cref="RequestException">The server is full.</exception>
    public Lease Enter()
    {
        var lease = new Lease(this);
        lease.Grow(1);
        return lease;
    }

    /// <summary>The place that one request takes up; disposed, it is free again.</summary>
    internal sealed class Lease(Admission admission) : IDisposable
    {
        private int _count;
        private bool _hasArrived;

        /// <summary>Takes room for all samples of the request.</summary>
        /// <exception cref="RequestException">There are more than fit at all (413), or than fit now (503).</exception>
        public void Grow(int samples)
        {
            if (samples > admission.Limit)
                throw new RequestException(StatusCodes.Status413PayloadTooLarge, $"The request has {samples} samples; this server takes {admission.Limit} at one time (--queue). Send them in several requests.");
            int more = samples - _count;
            if (Interlocked.Add(ref admission._taken, more) > admission.Limit)
            {
                Interlocked.Add(ref admission._taken, -more);
                throw new RequestException(StatusCodes.Status503ServiceUnavailable, $"The server is busy: {admission.Limit} samples are being worked on or waiting (--queue). Try again in a second.");
            }
            Interlocked.Add(ref admission._arriving, more);
            _count = samples;
        }

        /// <summary>Says that the request has been read and its samples are where they are computed.</summary>
        public void Arrive()
        {
            if (!_hasArrived)
                Interlocked.Add(ref admission._arriving, -_count);
            _hasArrived = true;
        }

        public void Dispose()
        {
            Arrive();
            Interlocked.Add(ref admission._taken, -_count);
            _count = 0;
        }
    }
}
