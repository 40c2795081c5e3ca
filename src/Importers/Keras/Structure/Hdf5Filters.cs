using System.IO.Compression;
using PureHDF.Filters;

namespace Graft.Importers.Keras.Structure;

/// <summary>Filters of HDF5 that give a chunk's bytes, no more and no fewer; PureHDF's own take what the packed bytes hold, however much that is.</summary>
internal static class Hdf5Filters
{
    private static readonly Lock s_once = new();
    private static bool s_isDone;

    /// <summary>Puts them in the place of PureHDF's, once in a process.</summary>
    public static void Register()
    {
        lock (s_once)
        {
            if (s_isDone)
                return;
            H5Filter.Register(new Inflate());
            H5Filter.Register(new Unshuffle());
            s_isDone = true;
        }
    }

    private sealed class Inflate : IH5Filter
    {
        private const int Checksum = 4; // of fletcher32, where it stands inside

        private readonly DeflateFilter _packing = new();

        public ushort FilterId => DeflateFilter.Id;

        public string Name => _packing.Name;

        public uint[] GetParameters(uint[] chunkDimensions, uint typeSize, Dictionary<string, object>? options) => _packing.GetParameters(chunkDimensions, typeSize, options);

        public Memory<byte> Filter(FilterInfo info)
        {
            if (!info.Flags.HasFlag(H5FilterFlags.Decompress))
                return _packing.Filter(info);
            var chunk = new byte[info.ChunkSize + Checksum + 1];
            using var packed = new MemoryStream(info.Buffer.ToArray(), writable: false);
            using var inflater = new ZLibStream(packed, CompressionMode.Decompress);
            int bytes = inflater.ReadAtLeast(chunk, chunk.Length, throwOnEndOfStream: false);
            return bytes == info.ChunkSize || bytes == info.ChunkSize + Checksum ? chunk.AsMemory(0, bytes)
                : throw new InvalidDataException($"a chunk of {info.ChunkSize} bytes unpacks to {(bytes == chunk.Length ? "more" : $"{bytes}")}");
        }
    }

    private sealed class Unshuffle : IH5Filter
    {
        private readonly ShuffleFilter _shuffling = new();

        public ushort FilterId => ShuffleFilter.Id;

        public string Name => _shuffling.Name;

        public uint[] GetParameters(uint[] chunkDimensions, uint typeSize, Dictionary<string, object>? options) => _shuffling.GetParameters(chunkDimensions, typeSize, options);

        public Memory<byte> Filter(FilterInfo info)
        {
            int size = info.Parameters is [> 0 and <= int.MaxValue, ..] ? (int)info.Parameters[0] : throw new InvalidDataException("a shuffle has no size");
            return info.Buffer.Length % size == 0 ? _shuffling.Filter(info) : throw new InvalidDataException($"{info.Buffer.Length} bytes are shuffled by {size}");
        }
    }
}
