using System.Buffers.Binary;
using System.Text;

namespace Graft.Tests.Fuzz;

/// <summary>Changes of a safetensors header: its JSON, with its length made to fit or not.</summary>
internal static class SafetensorsMutations
{
    public static IReadOnlyList<Mutation> All { get; } = [Header, Header, Number, Length];

    private static byte[] Header(byte[] bytes, Random random)
    {
        if (!Split(bytes, out byte[] json, out byte[] data))
            return ByteMutations.Any(bytes, random);
        json = JsonMutations.Any(json, random);
        return [.. BitConverter.GetBytes((long)json.Length), .. json, .. data];
    }

    // A number of the text in another: extents and offsets that do not fit any more.
    private static byte[] Number(byte[] bytes, Random random)
    {
        if (!Split(bytes, out byte[] json, out byte[] data))
            return ByteMutations.Any(bytes, random);
        json = TextMutations.Number(json, random);
        return [.. BitConverter.GetBytes((long)json.Length), .. json, .. data];
    }

    private static byte[] Length(byte[] bytes, Random random)
    {
        byte[] changed = bytes.Length < 8 ? [.. bytes, .. new byte[8]] : [.. bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(changed, ByteMutations.Interesting(8, bytes.Length, random));
        return changed;
    }

    private static bool Split(byte[] bytes, out byte[] json, out byte[] data)
    {
        long length = bytes.Length < 8 ? -1 : BinaryPrimitives.ReadInt64LittleEndian(bytes);
        bool fits = length >= 0 && length <= bytes.Length - 8;
        (json, data) = fits ? (Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes, 8, (int)length)), bytes[(8 + (int)length)..]) : ([], []);
        return fits;
    }
}
