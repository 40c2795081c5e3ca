using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Graft.Importers.PyTorch;

/// <summary>
/// A pickle machine that can make tensors and plain containers only. Globals are those of a fixed table (<see cref="PickleGlobal"/>); any
/// other is refused where it is named, before anything is made of it.
/// </summary>
/// <remarks>
/// Opcodes of protocols 2 to 5 as Python's pickletools documents them. Values: null, bool, long or BigInteger, double, string, byte[],
/// object[] (tuple), List (list), OrderedDictionary (dict), HashSet (set, frozenset), <see cref="TorchTensor"/>, <see cref="StoredType"/>.
/// </remarks>
/// <param name="stream">Where the pickle begins; it is left behind its STOP.</param>
/// <param name="path">The file, for errors.</param>
/// <param name="builder">What globals and persistent ids are turned into.</param>
internal sealed class PickleReader(Stream stream, string path, PickleBuilder builder)
{
    private const int LongestInteger = 1024; // bytes; the magic number of torch.save has ten

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private readonly byte[] _number = new byte[8];

    /// <summary>Reads one pickle.</summary>
    /// <exception cref="GraftException">It is damaged, names a global that is not read, or has an opcode that plain data do not need.</exception>
    public object? Read()
    {
        try
        {
            while (true)
            {
                byte opcode = Byte();
                if (opcode == '.')
                    return Pop();
                if (!Constant(opcode) && !Container(opcode) && !Memo(opcode) && !Build(opcode))
                    throw Damaged($"has the opcode 0x{opcode:X2}, which plain data of protocols 2 to 5 do not need");
            }
        }
        catch (Exception e) when (e is OverflowException or EndOfStreamException)
        {
            throw Damaged(e is EndOfStreamException ? "ends before its end" : $"cannot be read ({e.Message})", e);
        }
    }

    private bool Constant(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: Byte(); break; // PROTO
            case 0x95: Number(8); break; // FRAME: the length of what follows
            case (byte)'N': Push(null); break;
            case 0x88: Push(true); break;
            case 0x89: Push(false); break;
            case (byte)'K': Push((long)Byte()); break;
            case (byte)'M': Push(Number(2)); break;
            case (byte)'J': Push((long)(int)Number(4)); break;
            case 0x8A: PushInteger(Byte()); break; // LONG1
            case 0x8B: PushInteger(Number(4)); break; // LONG4
            case (byte)'G': Push(Double()); break;
            case 0x8C: Push(Text(Byte())); break; // SHORT_BINUNICODE
            case (byte)'X': Push(Text(Number(4))); break;
            case 0x8D: Push(Text(Number(8))); break; // BINUNICODE8
            case (byte)'U': Push(Text(Byte())); break; // strings of Python 2, which torch.load reads as UTF-8
            case (byte)'T': Push(Text(Number(4))); break;
            case (byte)'C': Push(Bytes(Byte())); break;
            case (byte)'B': Push(Bytes(Number(4))); break;
            case 0x8E or 0x96: Push(Bytes(Number(8))); break; // BINBYTES8, BYTEARRAY8
            default: return false;
        }
        return true;
    }

    private bool Container(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'(': _marks.Add(_stack.Count); break;
            case (byte)'0': Pop(); break;
            case (byte)'1': PopMarked(); break;
            case (byte)'2': Push(Peek()); break;
            case (byte)'}': Push(new OrderedDictionary<object, object?>()); break;
            case (byte)']': Push(new List<object?>()); break;
            case (byte)')': Push(System.Array.Empty<object?>()); break;
            case 0x8F: Push(new HashSet<object?>()); break;
            case (byte)'t': Push(PopMarked()); break;
            case 0x85 or 0x86 or 0x87: Push(PopLast(opcode - 0x84)); break; // TUPLE1, 2, 3
            case (byte)'l': Push(new List<object?>(PopMarked())); break;
            case (byte)'d': Push(SetIn(new OrderedDictionary<object, object?>(), PopMarked())); break;
            case 0x91: Push(new HashSet<object?>(PopMarked())); break; // FROZENSET
            case (byte)'a': AddTo(PopLast(1)); break;
            case (byte)'e' or 0x90: AddTo(PopMarked()); break; // APPENDS, ADDITEMS
            case (byte)'s': SetInTop(PopLast(2)); break;
            case (byte)'u': SetInTop(PopMarked()); break;
            default: return false;
        }
        return true;
    }

    private bool Memo(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'q': _memo[Byte()] = Peek(); break;
            case (byte)'r': _memo[Number(4)] = Peek(); break;
            case 0x94: _memo[_memo.Count] = Peek(); break; // MEMOIZE
            case (byte)'h': Push(Recall(Byte())); break;
            case (byte)'j': Push(Recall(Number(4))); break;
            default: return false;
        }
        return true;
    }

    private bool Build(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'c':
                string module = Line();
                Push(PickleGlobal.Of(module, Line(), path).Value);
                break;
            case 0x93: // STACK_GLOBAL
                Push(PopLast(2) is [string within, string name] ? PickleGlobal.Of(within, name, path).Value : throw Damaged("names a global by something that is no text"));
                break;
            case (byte)'Q': Push(builder.Storage(Pop() as object?[] ?? [])); break; // BINPERSID
            case (byte)'R' or 0x81: // REDUCE, NEWOBJ
                Push(PopLast(2) is [PickleGlobal callee, object?[] arguments] ? builder.Make(callee, arguments) : throw Damaged("calls something that is no global"));
                break;
            case (byte)'b':
                object?[] state = PopLast(2);
                Push(builder.SetState(state[0], state[1]));
                break;
            default: return false;
        }
        return true;
    }

    private void AddTo(object?[] items)
    {
        switch (Peek())
        {
            case List<object?> list: list.AddRange(items); break;
            case HashSet<object?> set: set.UnionWith(items); break;
            default: throw Damaged("adds to something that is no list or set");
        }
    }

    private void SetInTop(object?[] pairs) =>
        SetIn(Peek() as OrderedDictionary<object, object?> ?? throw Damaged("sets items of something that is no dictionary"), pairs);

    // None as a key is DBNull: .NET's dictionaries have no null key.
    private static OrderedDictionary<object, object?> SetIn(OrderedDictionary<object, object?> dictionary, object?[] pairs)
    {
        for (int i = 0; i + 1 < pairs.Length; i += 2)
            dictionary[pairs[i] ?? DBNull.Value] = pairs[i + 1];
        return dictionary;
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Pop() => PopLast(1)[0];

    private object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Damaged("takes a value where there is none");

    private int Floor => _marks.Count == 0 ? 0 : _marks[^1];

    private object?[] PopLast(int count)
    {
        if (_stack.Count - count < Floor)
            throw Damaged("takes a value where there is none");
        object?[] values = [.. _stack[^count..]];
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private object?[] PopMarked()
    {
        if (_marks.Count == 0)
            throw Damaged("takes values since a mark that it did not set");
        object?[] values = PopLast(_stack.Count - Floor);
        _marks.RemoveAt(_marks.Count - 1);
        return values;
    }

    private object? Recall(long key) => _memo.TryGetValue(key, out object? value) ? value : throw Damaged($"recalls value {key}, which it did not store");

    private byte Byte()
    {
        int value = stream.ReadByte();
        return value >= 0 ? (byte)value : throw new EndOfStreamException();
    }

    private long Number(int bytes)
    {
        _number.AsSpan().Clear();
        stream.ReadExactly(_number, 0, bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(_number);
    }

    private double Double()
    {
        stream.ReadExactly(_number, 0, 8);
        return BinaryPrimitives.ReadDoubleBigEndian(_number);
    }

    private void PushInteger(long bytes)
    {
        if (bytes > LongestInteger)
            throw Damaged($"has a whole number of {bytes} bytes, {LongestInteger} are read");
        var value = new BigInteger(Bytes(bytes));
        if (value >= long.MinValue && value <= long.MaxValue)
            Push((long)value);
        else
            Push(value);
    }

    private byte[] Bytes(long count)
    {
        if (count < 0 || count > stream.Length - stream.Position)
            throw new EndOfStreamException();
        var bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }

    // Python writes a half of a surrogate pair as UTF-8 too; it is shown as U+FFFD.
    private string Text(long bytes) => Encoding.UTF8.GetString(Bytes(bytes));

    private string Line()
    {
        var line = new List<byte>();
        for (byte b = Byte(); b != '\n'; b = Byte())
            line.Add(b);
        return Encoding.UTF8.GetString([.. line]);
    }

    private GraftException Damaged(string what, Exception? inner = null) =>
        new($"{path}: its pickle {what} (at byte {stream.Position}); it is damaged, truncated, or not of torch.save.", inner!);
}
