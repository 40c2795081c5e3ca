using System.IO.Compression;
using Graft.Weights;

namespace Graft.Importers;

/// <summary>Tells model files of this engine from those of others.</summary>
public static class ModelFiles
{
    /// <summary>True for a .graft file, told by its content.</summary>
    /// <exception cref="GraftException">The file is missing, or a damaged zip.</exception>
    public static bool IsGraft(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a model is due here (.graft, .keras, .h5).");
        if (!new FileHead(path).IsZip)
            return false;
        return FileErrors.Named(path, "begins like a zip but cannot be read as one", () =>
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            return zip.GetEntry("tensors.bin") is not null;
        });
    }
}
