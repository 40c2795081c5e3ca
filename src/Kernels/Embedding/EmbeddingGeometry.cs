namespace Graft.Kernels;

/// <summary>Sizes of an embedding: ids [Count], table [V,C], y [Count,C].</summary>
/// <param name="Count">Number of ids.</param>
/// <param name="V">Rows of the table: the vocabulary.</param>
/// <param name="C">Numbers a row.</param>
public readonly record struct EmbeddingGeometry(int Count, int V, int C);
