namespace Graft.Weights;

/// <summary>What a model's outputs stand for, as files have it: "classes", "labels", "values".</summary>
internal static class OutputKindText
{
    public static string Of(OutputKind kind) => kind.ToString().ToLowerInvariant();

    /// <exception cref="GraftException">The word is none of them.</exception>
    public static OutputKind Read(string? word, string path) => Array.Find(Enum.GetValues<OutputKind>(), k => Of(k) == word) is var kind && Of(kind) == word ? kind
        : throw new GraftException($"{path}: its outputs are '{word}', which this version does not know; it knows {string.Join(", ", Enum.GetValues<OutputKind>().Select(Of))}.");
}
