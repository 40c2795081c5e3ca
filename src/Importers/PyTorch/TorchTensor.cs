using System.Runtime.InteropServices;
using Graft.Kernels;

namespace Graft.Importers.PyTorch;

/// <summary>A tensor in a file of torch.save: a view of a storage, whose numbers stay in the file until they are asked for.</summary>
public sealed class TorchTensor
{
    private readonly TorchStorage _storage;
    private readonly long[] _strides;

    /// <param name="storage">Where the numbers are.</param>
    /// <param name="offset">Element of the storage that is the tensor's first.</param>
    /// <param name="shape">Extent of each axis.</param>
    /// <param name="strides">Elements from one index of an axis to the next; 0 repeats.</param>
    /// <exception cref="GraftException">The view leaves its storage.</exception>
    internal TorchTensor(TorchStorage storage, long offset, Shape shape, long[] strides)
    {
        _storage = storage;
        _strides = strides;
        Offset = offset;
        Shape = shape;
        if (strides.Length != shape.Rank)
            throw new GraftException($"{storage.Path}: a tensor {shape} has {strides.Length} strides; the file is damaged.");
        if (offset < 0 || Array.Exists(strides, s => s < 0) || (shape.Count > 0 && Last >= storage.Count))
            throw new GraftException($"{storage.Path}: a tensor {shape} with strides [{string.Join(',', strides)}] at {offset} leaves its storage '{storage.Key}' of {storage.Count} elements; the file is damaged.");
    }

    /// <summary>How the numbers are stored.</summary>
    public StoredType Type => _storage.Type;

    /// <summary>Extent of each axis.</summary>
    public Shape Shape { get; }

    /// <summary>Elements from one index of an axis to the next; 0 where an axis was expanded.</summary>
    public IReadOnlyList<long> Strides => _strides;

    /// <summary>Element of the storage that is the first of the tensor.</summary>
    public long Offset { get; }

    /// <summary>The storage; two tensors of one key share their numbers.</summary>
    public string StorageKey => _storage.Key;

    /// <summary>Bytes of the tensor's own elements.</summary>
    public long Bytes => checked(Shape.Count * Type.Size());

    /// <summary>True where the elements lie one behind the other.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int axis = Shape.Rank - 1; axis >= 0; axis--)
            {
                if (Shape[axis] != 1 && _strides[axis] != expected)
                    return Shape.Count == 0;
                expected *= Shape[axis];
            }
            return true;
        }
    }

    private long Last
    {
        get
        {
            long last = Offset;
            for (int axis = 0; axis < _strides.Length; axis++)
                last = checked(last + (Shape[axis] - 1) * _strides[axis]);
            return last;
        }
    }

    /// <summary>The elements as they are stored, row-major.</summary>
    /// <exception cref="GraftException">The file has become shorter or cannot be read, or the tensor has more than 2 GB.</exception>
    public byte[] ReadBytes()
    {
        long spanned = Shape.Count == 0 ? 0 : checked((Last - Offset + 1) * Type.Size());
        if (Bytes > Array.MaxLength || spanned > Array.MaxLength)
            throw new GraftException($"{_storage.Path}: a tensor {Shape} of {Type.Name()} with strides [{string.Join(',', _strides)}] is too large to be gathered; save it contiguous: tensor.contiguous().");
        var bytes = new byte[(int)Bytes];
        if (bytes.Length == 0)
            return bytes;
        using MappedFile file = StoredNumbers.Map(_storage.Path, Start, spanned);
        ReadOnlySpan<byte> source = file.Bytes(0, (int)spanned);
        switch (Type.Size())
        {
            case 8: Gather<ulong>(source, bytes); break;
            case 4: Gather<uint>(source, bytes); break;
            case 2: Gather<ushort>(source, bytes); break;
            default: Gather<byte>(source, bytes); break;
        }
        return bytes;
    }

    /// <summary>The elements as float32, row-major: 16 bits are widened exactly, 64 bits rounded.</summary>
    /// <exception cref="GraftException">They are whole numbers, or the file cannot be read.</exception>
    public float[] ReadFloats()
    {
        var values = new float[checked((int)Shape.Count)];
        ReadInto(values);
        return values;
    }

    /// <inheritdoc cref="ReadFloats"/>
    public void ReadInto(Span<float> destination)
    {
        if (!Type.IsFloat())
            throw new GraftException($"{_storage.Path}: a tensor {Shape} of {Type.Name()} is no weight; floating point is due.");
        if (IsContiguous)
            StoredNumbers.ReadInto(_storage.Path, Start, Type, destination[..checked((int)Shape.Count)]);
        else
            StoredNumbers.Widen(ReadBytes(), Type, destination);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Type.Name()} {Shape}";

    private long Start => _storage.Position + Offset * Type.Size();

    // Rows along the last axis, in the order of the others.
    private void Gather<T>(ReadOnlySpan<byte> source, Span<byte> destination)
        where T : unmanaged
    {
        ReadOnlySpan<T> from = MemoryMarshal.Cast<byte, T>(source);
        Span<T> to = MemoryMarshal.Cast<byte, T>(destination);
        int rank = Shape.Rank, row = rank == 0 ? 1 : Shape[-1];
        long step = rank == 0 ? 1 : _strides[^1];
        var index = new int[Math.Max(rank - 1, 0)];
        for (int at = 0; at < to.Length; at += row)
        {
            long first = 0;
            for (int axis = 0; axis < index.Length; axis++)
                first += index[axis] * _strides[axis];
            for (int i = 0; i < row; i++)
                to[at + i] = from[(int)(first + i * step)];
            for (int axis = index.Length - 1; axis >= 0 && ++index[axis] == Shape[axis]; axis--)
                index[axis] = 0;
        }
    }
}
