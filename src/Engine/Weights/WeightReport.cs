using System.Text;

namespace Graft.Weights;

/// <summary>What fitted and what did not when a file met a model.</summary>
/// <param name="Matched">Parameters that were found with the right shape.</param>
/// <param name="Missing">Parameters that the file lacks, each with the nearest name there.</param>
/// <param name="Unused">Arrays of the file that no parameter takes.</param>
/// <param name="Faulty">Parameters whose array has another shape or holds NaN or infinity.</param>
public sealed record WeightReport(IReadOnlyList<string> Matched, IReadOnlyList<string> Missing, IReadOnlyList<string> Unused, IReadOnlyList<string> Faulty)
{
    /// <summary>What else must be known before these weights are used: another network's epsilon, for one.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>True where everything fitted both ways.</summary>
    public bool IsComplete => Missing.Count + Unused.Count + Faulty.Count + Notes.Count == 0;

    /// <summary>The counts, then a line a fault.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"{Matched.Count} matched, {Missing.Count} missing, {Faulty.Count} faulty, {Unused.Count} unused");
        void List(string title, IReadOnlyList<string> lines)
        {
            foreach (string line in lines)
                text.Append("\n  ").Append(title).Append(' ').Append(line);
        }
        List("note", Notes);
        List("missing", Missing);
        List("faulty", Faulty);
        List("unused", Unused);
        return text.ToString();
    }
}
