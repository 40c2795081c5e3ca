namespace Graft.Importers.Text;

/// <summary>Text to the ids of a language model and back.</summary>
public interface ITokenizer
{
    /// <summary>Where the vocabulary comes from, for messages.</summary>
    string Source { get; }

    /// <summary>Number of tokens: ids go from 0 to one below. A model's embedding needs as many rows at least.</summary>
    int VocabularySize { get; }

    /// <summary>Id of the token that ends a text; null if there is none.</summary>
    int? EosToken { get; }

    /// <summary>Ids of a text.</summary>
    /// <exception cref="GraftException">The text has something that the vocabulary has no token for.</exception>
    int[] Encode(string text);

    /// <summary>The text of ids, as it was encoded.</summary>
    /// <exception cref="GraftException">An id is not in the vocabulary.</exception>
    string Decode(ReadOnlySpan<int> ids);

    /// <summary>Decodes ids one by one, as a model makes them.</summary>
    /// <param name="skipSpecialTokens">True leaves out tokens that are no text, such as the one that ends a text.</param>
    ITokenStream Stream(bool skipSpecialTokens = false);
}
