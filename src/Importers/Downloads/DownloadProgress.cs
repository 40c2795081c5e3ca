namespace Graft.Importers.Downloads;

/// <summary>How far a download has come.</summary>
/// <param name="File">Name of the file.</param>
/// <param name="Received">Bytes on disk, those of an earlier attempt included.</param>
/// <param name="Bytes">Bytes of the whole file.</param>
/// <param name="IsWaiting">True while another process pulls the same network.</param>
public readonly record struct DownloadProgress(string File, long Received, long Bytes, bool IsWaiting = false);
