using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Graft.Importers.Downloads;

/// <summary>Size and digest of a file, of the kind that its publisher gives.</summary>
internal static class FileDigest
{
    private const int HeadBytes = 64;

    /// <summary>What is wrong with a file that should be <paramref name="due"/>; null where it is that file.</summary>
    public static async Task<string?> Fault(string path, PublishedFile due, CancellationToken token)
    {
        long bytes = new FileInfo(path).Length;
        string found = await Hex(path, due.Sha256 is not null, token).ConfigureAwait(false);
        bool same = bytes == due.Bytes && Same(found, due.Sha256 ?? due.Md5!)
            && (due.Sha256 is null || due.Md5 is null || Same(await Hex(path, sha256: false, token).ConfigureAwait(false), due.Md5));
        if (same)
            return null;
        string what = await IsMarkup(path, token).ConfigureAwait(false) ? "is a page of HTML or XML"
            : bytes < due.Bytes ? "is truncated" : bytes > due.Bytes ? "is longer than the file" : "is another file of that size";
        return $"{what}: {Describe(bytes, found, due)}";
    }

    /// <summary>"n bytes with SHA-256 x; m bytes with SHA-256 y are due".</summary>
    public static string Describe(long bytes, string found, PublishedFile due)
    {
        string kind = due.Sha256 is null ? "MD5" : "SHA-256";
        return $"{(bytes > due.Bytes ? "at least " : "")}{bytes} bytes with {kind} {found}; {due.Bytes} bytes with {kind} {due.Sha256 ?? due.Md5} are due";
    }

    /// <summary>The digest of bytes, of the kind that is given for a file.</summary>
    [SuppressMessage("Security", "CA5351", Justification = "MD5 is what Keras publishes for these files; it is checked against damage, beside the size.")]
    public static string Hex(ReadOnlySpan<byte> bytes, PublishedFile due) => Convert.ToHexStringLower(due.Sha256 is null ? MD5.HashData(bytes) : SHA256.HashData(bytes));

    [SuppressMessage("Security", "CA5351", Justification = "MD5 is what Keras publishes for these files; it is checked against damage, beside the size.")]
    private static async Task<string> Hex(string path, bool sha256, CancellationToken token)
    {
        using FileStream stream = File.OpenRead(path);
        byte[] digest = sha256 ? await SHA256.HashDataAsync(stream, token).ConfigureAwait(false) : await MD5.HashDataAsync(stream, token).ConfigureAwait(false);
        return Convert.ToHexStringLower(digest);
    }

    private static bool Same(string left, string right) => string.Equals(left, right, StringComparison.OrdinalIgnoreCase);

    private static async Task<bool> IsMarkup(string path, CancellationToken token)
    {
        using FileStream stream = File.OpenRead(path);
        var head = new byte[HeadBytes];
        int read = await stream.ReadAtLeastAsync(head, HeadBytes, throwOnEndOfStream: false, token).ConfigureAwait(false);
        return System.Text.Encoding.Latin1.GetString(head, 0, read).TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\r', '\n', '\t').StartsWith('<'); // behind a byte order mark
    }
}
