namespace Graft.Importers.Downloads;

/// <summary>A weight file is on none of the places where it is looked for. The message names the file, the places, and how to get it.</summary>
public sealed class WeightsMissingException : GraftException
{
    /// <summary>Makes an exception without a message.</summary>
    public WeightsMissingException()
    {
    }

    /// <summary>Makes an exception with a message.</summary>
    public WeightsMissingException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a message and the exception behind it.</summary>
    public WeightsMissingException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Names the network, the file and the places.</summary>
    internal WeightsMissingException(PublishedWeights weights, PublishedFile file, IReadOnlyList<string> searched)
        : base($"{file.Name}, the weights of {weights.Name}, is nowhere whole on this machine. Looked for: {string.Join(", ", searched)}. "
            + $"Get it with 'graft weights pull {weights.Name}{(weights.TopFiles.Contains(file) ? " --top" : "")}', or put it at the first of these places.")
    {
        FileName = file.Name;
        Searched = searched;
    }

    /// <summary>Name of the file.</summary>
    public string FileName { get; } = "";

    /// <summary>Every path that was looked at, in order.</summary>
    public IReadOnlyList<string> Searched { get; } = [];
}
