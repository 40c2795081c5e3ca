using System.Diagnostics;
using System.Globalization;
using Graft.Importers.Downloads;

namespace Graft.Cli;

/// <summary>How far a download has come, on one line of a terminal that is redrawn; elsewhere nothing.</summary>
/// <param name="writer">The error stream, so that output that is piped stays clean.</param>
/// <param name="draws">False where that stream is no terminal.</param>
internal sealed class DownloadBar(TextWriter writer, bool draws) : IProgress<DownloadProgress>
{
    private const int BarWidth = 24, RedrawMilliseconds = 100;

    private readonly Stopwatch _sinceStart = Stopwatch.StartNew();
    private long _drawnAt = -RedrawMilliseconds, _firstReceived = -1;
    private int _length;

    /// <inheritdoc/>
    public void Report(DownloadProgress value)
    {
        if (!draws || (_sinceStart.ElapsedMilliseconds - _drawnAt < RedrawMilliseconds && value.Received < value.Bytes))
            return;
        _drawnAt = _sinceStart.ElapsedMilliseconds;
        string text = value.IsWaiting ? $"{value.File}: another graft is pulling it; waiting" : Bar(value);
        writer.Write("\r" + text.PadRight(_length));
        writer.Flush();
        _length = text.Length;
    }

    /// <summary>Wipes the line; the next file starts anew.</summary>
    public void Clear()
    {
        if (_length > 0)
            writer.Write("\r" + new string(' ', _length) + "\r");
        (_length, _firstReceived) = (0, -1);
        _sinceStart.Restart();
        _drawnAt = -RedrawMilliseconds;
    }

    private string Bar(DownloadProgress value)
    {
        if (_firstReceived < 0)
            _firstReceived = value.Received;
        int filled = (int)(BarWidth * Math.Min(value.Received, value.Bytes) / Math.Max(1, value.Bytes));
        double rate = (value.Received - _firstReceived) / Math.Max(1e-3, _sinceStart.Elapsed.TotalSeconds) / 1e6;
        return string.Create(CultureInfo.InvariantCulture,
            $"{value.File} [{new string('█', filled)}{new string('░', BarWidth - filled)}] {value.Received / 1e6:F1} of {value.Bytes / 1e6:F1} MB  {rate:F1} MB/s");
    }
}
