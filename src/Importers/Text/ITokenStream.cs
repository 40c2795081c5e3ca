namespace Graft.Importers.Text;

/// <summary>Decodes tokens one by one; together, what comes back is the text.</summary>
public interface ITokenStream
{
    /// <summary>Takes the next token and returns the text that is complete by now; empty if there is none.</summary>
    /// <exception cref="GraftException">The id is not in the vocabulary.</exception>
    string Push(int id);

    /// <summary>Ends the text and returns what was held back.</summary>
    string Flush();
}
