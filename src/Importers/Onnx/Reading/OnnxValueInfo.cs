using System.Globalization;

namespace Graft.Importers.Onnx;

/// <summary>An input or output of a graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Type of its numbers.</param>
/// <param name="Dims">Extents: a number, a name where it is open, "?" where it has neither; null where the file does not say how many axes there are.</param>
internal sealed record OnnxValueInfo(string Name, OnnxType Type, IReadOnlyList<string>? Dims)
{
    /// <summary>Extents as numbers, null for open ones.</summary>
    public int?[] Numbers => [.. (Dims ?? []).Select(d => int.TryParse(d, CultureInfo.InvariantCulture, out int n) && n > 0 ? n : (int?)null)];

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {OnnxTypes.NameOf(Type)} {(Dims is null ? "of any shape" : $"[{string.Join(",", Dims)}]")}";

    // ValueInfoProto: name 1, type 2 (TypeProto: tensor_type 1 (elem_type 1, shape 2 (dim 1: dim_value 1, dim_param 2))).
    public static OnnxValueInfo Read(ProtoReader input, long end)
    {
        var value = new OnnxValueInfo("", OnnxType.Undefined, null);
        while (input.Next(end, out int field, out WireType wire))
        {
            if (field == 1 && wire == WireType.Bytes)
                value = value with { Name = input.Text(input.End(end)) };
            else if (field == 2 && wire == WireType.Bytes)
                value = value.WithType(input, input.End(end));
            else
                input.Skip(wire, end);
        }
        return value;
    }

    private OnnxValueInfo WithType(ProtoReader input, long end)
    {
        OnnxValueInfo value = this;
        while (input.Next(end, out int field, out WireType wire))
        {
            if (field == 1 && wire == WireType.Bytes)
                value = value.WithTensorType(input, input.End(end));
            else
                input.Skip(wire, end);
        }
        return value;
    }

    private OnnxValueInfo WithTensorType(ProtoReader input, long end)
    {
        OnnxValueInfo value = this;
        while (input.Next(end, out int field, out WireType wire))
        {
            if (field == 1 && wire == WireType.Varint)
                value = value with { Type = (OnnxType)input.Varint() };
            else if (field == 2 && wire == WireType.Bytes)
                value = value with { Dims = ReadDims(input, input.End(end)) };
            else
                input.Skip(wire, end);
        }
        return value;
    }

    // A shape without axes is that of a single number.
    private static List<string> ReadDims(ProtoReader input, long end)
    {
        List<string> dims = [];
        while (input.Next(end, out int field, out WireType wire))
        {
            if (field == 1 && wire == WireType.Bytes)
                dims.Add(ReadDim(input, input.End(end)));
            else
                input.Skip(wire, end);
        }
        return dims;
    }

    private static string ReadDim(ProtoReader input, long end)
    {
        string extent = "?";
        while (input.Next(end, out int field, out WireType wire))
        {
            if (field == 1 && wire == WireType.Varint)
                extent = ((long)input.Varint()).ToString(CultureInfo.InvariantCulture);
            else if (field == 2 && wire == WireType.Bytes)
                extent = input.Text(input.End(end));
            else
                input.Skip(wire, end);
        }
        return extent;
    }
}
