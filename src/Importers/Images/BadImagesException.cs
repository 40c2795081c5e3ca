namespace Graft.Importers.Images;

/// <summary>Files of a folder cannot be read as images, and <see cref="ImageFolderOptions.BadImages"/> says that this is an error: all of them are listed.</summary>
public sealed class BadImagesException : GraftException
{
    internal BadImagesException(string folder, IReadOnlyList<string> reasons, int files)
        : base($"{folder}: {reasons.Count} of {files} images cannot be read; mend or remove them, or leave them out by ImageFolderOptions.BadImages:\n  {string.Join("\n  ", reasons)}")
    {
        Folder = folder;
        Reasons = reasons;
        Files = files;
    }

    /// <summary>The folder that was opened.</summary>
    public string Folder { get; }

    /// <summary>One line for each file: its path and what is wrong with it.</summary>
    public IReadOnlyList<string> Reasons { get; }

    /// <summary>Number of image files in the folder.</summary>
    public int Files { get; }
}
