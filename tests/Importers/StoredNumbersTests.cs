using System.Runtime.InteropServices;
using Graft.Importers;
using Xunit;

namespace Graft.Tests.Importers;

public sealed class StoredNumbersTests
{
    private static readonly ushort[] AllHalves = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];

    [Fact]
    public void All_float16_are_widened_to_the_bits_of_the_same_number()
    {
        var wide = new float[65536];
        StoredNumbers.Widen(MemoryMarshal.AsBytes(AllHalves.AsSpan()), StoredType.Float16, wide);
        for (int i = 0; i < wide.Length; i++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)i);
            Assert.True(float.IsNaN(expected) ? float.IsNaN(wide[i]) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(wide[i]), $"0x{i:X4}: {wide[i]}, {expected}");
        }
    }

    [Fact]
    public void All_bfloat16_are_the_upper_half_of_a_float32()
    {
        var wide = new float[65536];
        StoredNumbers.Widen(MemoryMarshal.AsBytes(AllHalves.AsSpan()), StoredType.BFloat16, wide);
        Assert.Equal(AllHalves.Select(h => h << 16), wide.Select(BitConverter.SingleToInt32Bits));
    }

    [Theory]
    [InlineData(StoredType.Float16)]
    [InlineData(StoredType.BFloat16)]
    public void Any_count_and_any_address_are_widened(StoredType type)
    {
        var bytes = new byte[200];
        new Random(3).NextBytes(bytes);
        for (int count = 0; count < 70; count++)
        {
            var wide = new float[count];
            StoredNumbers.Widen(bytes.AsSpan(1, 2 * count), type, wide); // an odd address: safetensors do not align
            for (int i = 0; i < count; i++)
            {
                ushort bits = BitConverter.ToUInt16(bytes, 1 + 2 * i);
                Assert.Equal(type == StoredType.Float16 ? (float)BitConverter.UInt16BitsToHalf(bits) : BitConverter.Int32BitsToSingle(bits << 16), wide[i]);
            }
        }
    }
}
