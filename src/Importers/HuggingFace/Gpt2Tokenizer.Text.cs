using Graft.Importers.Text;

namespace Graft.Importers.HuggingFace;

/// <content>As text for training takes it: "&lt;|endoftext|&gt;" in a text is the token, and decoding gives back what was encoded.</content>
public sealed partial class Gpt2Tokenizer : ITokenizer
{
    int[] ITokenizer.Encode(string text) => Encode(text);

    string ITokenizer.Decode(ReadOnlySpan<int> ids) => Decode(ids, cleanUp: false);

    ITokenStream ITokenizer.Stream(bool skipSpecialTokens) => Stream(skipSpecialTokens);
}
