namespace Graft.Weights;

/// <summary>Writes a file so that under its name it is always whole: under a temporary name first, flushed to disk, then renamed.</summary>
public static class WholeFile
{
    /// <summary>Writes a file; what was there before survives any failure.</summary>
    /// <exception cref="GraftException">It cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
            throw new GraftException($"{path}: cannot be written: there is no folder '{Path.GetDirectoryName(path)}'. Make it first, or name another.");
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.ReadWrite))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            TryDelete(temporary);
            if (e is IOException or UnauthorizedAccessException)
                throw new GraftException($"{path}: cannot be written ({e.Message}). A file that was there before is unchanged.", e);
            throw;
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that is on its way already names the folder; a second one would hide it.
        }
    }
}
