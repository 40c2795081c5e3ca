namespace Graft.Importers.Hdf5;

/// <summary>The extents of an array as a dataspace message has them, version 1.</summary>
internal static class Hdf5Space
{
    /// <summary>The message without its header; no extents are a single number.</summary>
    public static byte[] Message(ReadOnlySpan<int> extents)
    {
        const int ReservedBytes = 5;
        Hdf5Bytes m = new Hdf5Bytes().Byte(1).Byte(extents.Length).Byte(0);
        m.PadTo(m.Count + ReservedBytes);
        foreach (int extent in extents)
            m.Int64(extent);
        return m.ToArray();
    }
}
