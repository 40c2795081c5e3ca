using System.IO.Compression;
using Graft.Importers.Keras.Structure;
using Graft.Weights;
using PureHDF;
using PureHDF.VOL.Native;

namespace Graft.Importers.Keras;

/// <summary>An HDF5 file on disk, or the one inside a .keras archive; opened anew for each access, so that none is left open.</summary>
internal sealed class Hdf5Source
{
    private const string WeightsEntry = "model.weights.h5"; // inside a .keras archive
    private const int HeadBytes = 64;

    private static readonly byte[] Signature = [0x89, .. "HDF\r\n"u8, 0x1A, (byte)'\n'];

    private readonly byte[]? _bytes;

    private Hdf5Source(string path, byte[]? bytes)
    {
        Path = path;
        _bytes = bytes;
    }

    /// <summary>The file's path.</summary>
    public string Path { get; }

    /// <summary>Finds out whether a file is HDF5 and whole.</summary>
    /// <exception cref="GraftException">It is missing, empty, an HTML page, truncated, or something else.</exception>
    public static Hdf5Source Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a Keras weight file (HDF5) is due here.");
        long length = new FileInfo(path).Length;
        if (length == 0)
            throw new GraftException($"{path}: is empty; a Keras weight file (HDF5) is due here. Download it again.");
        var head = new byte[(int)Math.Min(HeadBytes, length)];
        using (FileStream stream = File.OpenRead(path))
            stream.ReadExactly(head);
        if (head.AsSpan().StartsWith("PK"u8))
            return new Hdf5Source(path, Archived(path));
        CheckHead(head, length, path);
        return new Hdf5Source(path, null);
    }

    /// <summary>Opens the file, runs <paramref name="read"/> on its root and closes it. What PureHDF reads is checked on its way (<see cref="CheckedHdf5Stream"/>).</summary>
    /// <exception cref="GraftException">The file's structure is damaged.</exception>
    public T Read<T>(Func<IH5Group, T> read) => FileErrors.Named(Path, "cannot be read as HDF5", () =>
    {
        Hdf5Filters.Register();
        try
        {
            using var stream = new CheckedHdf5Stream(_bytes is null ? File.OpenRead(Path) : new MemoryStream(_bytes, writable: false), Path);
            using NativeFile file = H5File.Open(stream);
            return read(file);
        }
        catch (Exception e) when (e is not GraftException)
        {
            // PureHDF reports damage by plain exceptions of many types; all of them mean that the file cannot be used.
            throw e.InnerException as GraftException ?? Hdf5Damage.Of(Path, e.Message, e);
        }
    });

    /// <summary>The numbers of a dataset as float32; other floating-point types are converted.</summary>
    public static float[] ReadFloats(IH5Dataset dataset, string path) => (dataset.Type.Class, dataset.Type.Size) switch
    {
        (H5DataTypeClass.FloatingPoint, 4) => Hdf5Numbers.Of<float>(dataset),
        (H5DataTypeClass.FloatingPoint, 8) => Array.ConvertAll(Hdf5Numbers.Of<double>(dataset), v => (float)v),
        (H5DataTypeClass.FloatingPoint, 2) => Array.ConvertAll(Hdf5Numbers.Of<Half>(dataset), v => (float)v),
        var (type, size) => throw new GraftException($"{path}: '{dataset.Name}' is {type} of {size} bytes; weights of 16, 32 or 64 bit floating point are due."),
    };

    /// <summary>The same, whole numbers too: step counters, ids.</summary>
    public static float[] ReadNumbers(IH5Dataset dataset, string path) => (dataset.Type.Class, dataset.Type.Size) switch
    {
        (H5DataTypeClass.FixedPoint, 8) => Array.ConvertAll(Hdf5Numbers.Of<long>(dataset), v => (float)v),
        (H5DataTypeClass.FixedPoint, 4) => Array.ConvertAll(Hdf5Numbers.Of<int>(dataset), v => (float)v),
        (H5DataTypeClass.FixedPoint, 2) => Array.ConvertAll(Hdf5Numbers.Of<short>(dataset), v => (float)v),
        (H5DataTypeClass.FixedPoint, 1) when !dataset.Type.FixedPoint.IsSigned => Array.ConvertAll(Hdf5Numbers.Of<byte>(dataset), v => (float)v),
        (H5DataTypeClass.FixedPoint, 1) => Array.ConvertAll(Hdf5Numbers.Of<sbyte>(dataset), v => (float)v),
        _ => ReadFloats(dataset, path),
    };

    private static byte[] Archived(string path) => FileErrors.Named(path, "begins like a zip but cannot be read as one", () =>
    {
        using ZipArchive zip = ZipFile.OpenRead(path);
        if (zip.Entries.Any(e => e.Name == "data.pkl"))
            throw new GraftException($"{path}: is a file of PyTorch's torch.save, Keras HDF5 or .keras is due here; open it by WeightFiles.Open or TorchWeights.Open.");
        byte[] bytes = ZipParts.Read(zip, path, WeightsEntry)
            ?? throw new GraftException($"{path}: is a zip without '{WeightsEntry}'; a .keras file has one. It holds {string.Join(", ", zip.Entries.Take(10).Select(e => e.FullName))}.");
        CheckHead(bytes.AsSpan(0, Math.Min(HeadBytes, bytes.Length)), bytes.Length, $"{path}, {WeightsEntry} inside");
        return bytes;
    });

    private static void CheckHead(ReadOnlySpan<byte> head, long length, string path)
    {
        if (!head.StartsWith(Signature))
        {
            string start = System.Text.Encoding.Latin1.GetString(head).TrimStart();
            throw new GraftException(start.StartsWith('<')
                ? $"{path}: holds a page of HTML or XML, not HDF5; the download went wrong. Delete it and download it again."
                : $"{path}: is not an HDF5 file (it begins with {Convert.ToHexString(head[..Math.Min(8, head.Length)])}, HDF5 with {Convert.ToHexString(Signature)}).");
        }
        // HDF5 file format 3.0, II.A: superblock versions 0 and 1 keep the end-of-file address at byte 40 (44), versions 2 and 3 at 28.
        int at = head.Length < HeadBytes ? -1 : head[8] switch { 0 => 40, 1 => 44, 2 or 3 => 28, _ => -1 };
        if (at < 0)
            throw new GraftException($"{path}: has {length} bytes and an HDF5 superblock of version {(head.Length > 8 ? head[8] : 0)}; it is truncated, or newer than this version reads.");
        int width = head[8] < 2 ? head[13] : head[9], origin = head[8] switch { 0 => 24, 1 => 28, _ => 12 }; // where the base address stands
        if (width == sizeof(ulong) && BitConverter.ToUInt64(head[origin..]) is > 0 and var from)
            throw new GraftException($"{path}: its HDF5 data begin at byte {from} of the file, behind something else; copy the arrays into a new file with h5py's defaults.");
        long due = width == sizeof(ulong) ? BitConverter.ToInt64(head[at..]) : 0;
        if (due > length)
            throw new GraftException($"{path}: is truncated; its superblock says {due} bytes, the file has {length}. Download it again.");
    }
}
