using Graft.Kernels;
using Xunit;

namespace Graft.Tests.Kernels.Dropout;

/// <summary>The known answers for philox4x32 with 10 rounds that Salmon et al. publish with Random123 (kat_vectors).</summary>
public sealed class PhiloxTests
{
    [Fact]
    public void Zero_counter_and_key() =>
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), Philox.Words(0, 0, 0, 0, 0, 0));

    [Fact]
    public void All_bits_set() =>
        Assert.Equal(
            (0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu),
            Philox.Words(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue));

    [Fact]
    public void Digits_of_pi() =>
        Assert.Equal(
            (0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u),
            Philox.Words(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));

    [Theory]
    [InlineData(0u, 0f)]
    [InlineData(0xFFFFFFFFu, 0.99999994f)]
    public void A_word_becomes_a_number_from_0_to_below_1(uint word, float expected) => Assert.Equal(expected, Philox.Unit(word));

    [Fact]
    public void A_share_of_about_the_rate_is_dropped()
    {
        const int Blocks = 25000;
        int dropped = 0;
        for (int i = 0; i < Blocks; i++)
        {
            var (a, b, c, d) = Philox.Block(7, i);
            foreach (uint word in new[] { a, b, c, d })
                dropped += Philox.Unit(word) < 0.3f ? 1 : 0;
        }
        Assert.Equal(0.3, dropped / (4.0 * Blocks), 0.006); // four standard deviations of 100 000 draws
    }
}
