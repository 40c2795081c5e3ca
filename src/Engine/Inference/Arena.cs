namespace Graft.Inference;

/// <summary>A stretch of the arena that holds one value after another in the course of a run.</summary>
/// <param name="floats">Its length.</param>
/// <param name="first">The step that writes it first; -1: it is there before the first step.</param>
internal sealed class ArenaSlot(long floats, int first)
{
    /// <summary>Length in floats.</summary>
    public long Floats => floats;

    /// <summary>The step that writes it first.</summary>
    public int First { get; } = first;

    /// <summary>The last step that reads it.</summary>
    public int Last { get; set; } = first;

    /// <summary>Where it begins, in floats.</summary>
    public long Offset { get; set; }

    /// <summary>True where both are in use at some step.</summary>
    public bool Meets(ArenaSlot other) => First <= other.Last && other.First <= Last;
}

/// <summary>Gives slots their places: slots that are in use at different steps share memory.</summary>
/// <remarks>
/// Largest first, each at the lowest place that is free while it is in use: Pisarchyk and Lee 2020, arXiv:2001.03288, "greedy by size".
/// </remarks>
internal static class Arena
{
    private const int Alignment = 16; // floats: one cache line, one Vector512

    /// <summary>Sets the offset of every slot and returns the floats that all need together.</summary>
    public static long Plan(IEnumerable<ArenaSlot> slots)
    {
        var placed = new List<ArenaSlot>();
        long end = 0;
        foreach (ArenaSlot slot in slots.OrderByDescending(s => s.Floats).ThenBy(s => s.First))
        {
            slot.Offset = 0;
            foreach (ArenaSlot other in placed.Where(slot.Meets).OrderBy(s => s.Offset))
            {
                if (slot.Offset + slot.Floats <= other.Offset)
                    break; // fits into the gap before it
                slot.Offset = Math.Max(slot.Offset, (other.Offset + other.Floats + Alignment - 1) / Alignment * Alignment);
            }
            placed.Add(slot);
            end = Math.Max(end, slot.Offset + slot.Floats);
        }
        return end;
    }
}
