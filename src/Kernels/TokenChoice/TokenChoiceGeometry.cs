namespace Graft.Kernels;

/// <summary>How the next token of each sequence is chosen from its logits.</summary>
/// <param name="Rows">Sequences.</param>
/// <param name="V">Numbers in a row of logits.</param>
/// <param name="Samples">True draws by probability; false takes the first of the greatest logit, whatever else stands here.</param>
/// <param name="Temperature">Logits are divided by it; above 0.</param>
/// <param name="TopK">Of so many greatest logits, and those equal to the last of them; 0 is all.</param>
/// <param name="TopP">Of the fewest most probable tokens that have at least this probability together; 1 is all.</param>
/// <param name="Seed">A draw depends on it, the row and the number of draws before alone.</param>
public readonly record struct TokenChoiceGeometry(int Rows, int V, bool Samples, float Temperature, int TopK, float TopP, int Seed);
