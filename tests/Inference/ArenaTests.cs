using CsCheck;
using Graft.Inference;
using Xunit;

namespace Graft.Tests.Inference;

public sealed class ArenaTests
{
    private static readonly Gen<(int Floats, int First, int Length)[]> s_slots = Gen.Select(Gen.Int[0, 300], Gen.Int[-1, 20], Gen.Int[0, 8]).Array[0, 40];

    [Fact]
    public void Slots_that_are_in_use_together_never_overlap_and_begin_on_cache_lines() => s_slots.Sample(list =>
    {
        ArenaSlot[] slots = [.. list.Select(s => new ArenaSlot(s.Floats, s.First) { Last = s.First + s.Length })];
        long size = Arena.Plan(slots);
        for (int i = 0; i < slots.Length; i++)
        {
            Assert.True(slots[i].Offset % 16 == 0 && slots[i].Offset + slots[i].Floats <= size);
            for (int j = 0; j < i; j++)
            {
                bool apart = slots[i].Offset + slots[i].Floats <= slots[j].Offset || slots[j].Offset + slots[j].Floats <= slots[i].Offset;
                Assert.True(apart || !slots[i].Meets(slots[j]) || slots[i].Floats == 0 || slots[j].Floats == 0);
            }
        }
    });

    [Fact]
    public void A_chain_takes_the_memory_of_its_two_largest_neighbours()
    {
        int[] floats = [1600, 3200, 640, 320, 160];
        ArenaSlot[] slots = [.. floats.Select((f, i) => new ArenaSlot(f, i - 1) { Last = i })];
        Assert.Equal(1600 + 3200, Arena.Plan(slots));
    }
}
