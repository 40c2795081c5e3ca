using Graft.Importers.Inspection;

namespace Graft.Importers;

/// <summary>A weight file that knows how all its arrays are stored, also those that are no weights.</summary>
public interface IStoredArrays
{
    /// <summary>The arrays, in the file's order.</summary>
    IReadOnlyList<ArrayEntry> Arrays { get; }
}
