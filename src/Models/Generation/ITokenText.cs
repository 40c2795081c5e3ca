namespace Graft.Models;

/// <summary>Turns the tokens of one sequence into text as they come: the streaming decoder of a tokenizer.</summary>
public interface ITokenText
{
    /// <summary>The text that this token completes; empty while a character still lacks bytes.</summary>
    string Append(int token);

    /// <summary>What is left when no token follows.</summary>
    string Finish();
}
