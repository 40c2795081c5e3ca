using Graft.Kernels;
using Graft.Memory;

namespace Graft;

/// <summary>
/// Numbers of one type in the memory of one device, row-major. A model owns its parameters, a tape owns what its ops
/// produced; users read results out with <see cref="ToArray"/> and never dispose a tensor.
/// </summary>
public sealed class Tensor
{
    private readonly Tensor? _source;
    private Block? _block;
    private nint _offset;
    private int _version;

    private Tensor(Device device, Shape shape, DType type, Block? block, nint offset = 0, Tensor? source = null)
    {
        _source = source;
        Device = device;
        Shape = shape;
        Type = type;
        _block = block;
        _offset = offset;
    }

    /// <summary>The device whose memory this is.</summary>
    public Device Device { get; }

    /// <summary>Extent of each axis.</summary>
    public Shape Shape { get; }

    /// <summary>Element type.</summary>
    public DType Type { get; }

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>Bytes of memory that the block behind this tensor takes.</summary>
    public long Bytes => _block?.Size ?? 0;

    /// <summary>What this tensor and its views have in common: the memory behind them; null for one without memory.</summary>
    internal object? Memory => _block;

    /// <summary>Counts how often the numbers were overwritten, so that what was derived from them knows when it is out of date; a view counts as its source.</summary>
    internal int Version => _source?.Version ?? _version;

    /// <summary>True once the memory was given back.</summary>
    internal bool IsReleased { get; private set; }

    /// <summary>True where other tensors look into the same memory.</summary>
    internal bool IsShared => _block is { IsShared: true };

    /// <summary>True while the memory is given back and the tensor waits to be computed again.</summary>
    internal bool IsDropped { get; private set; }

    /// <summary>True once <see cref="HandOver"/> gave the memory to another tensor.</summary>
    internal bool IsHandedOver { get; private set; }

    /// <summary>Address of the first element of a float32 tensor.</summary>
    /// <exception cref="InvalidOperationException">The tensor holds integers or numbers of 16 bits, or its memory was given back.</exception>
    public DevicePtr<float> Data => new(Address(DType.Float32));

    /// <summary>Address of the first element of an int32 tensor.</summary>
    /// <exception cref="InvalidOperationException">The tensor holds floats, or its memory was given back.</exception>
    public DevicePtr<int> IntData => new(Address(DType.Int32));

    /// <summary>Address of the first element of a tensor of 16 bits.</summary>
    /// <exception cref="InvalidOperationException">The tensor holds something else, or its memory was given back.</exception>
    internal DevicePtr<ushort> NarrowData => new(Address(Type.IsNarrow() ? Type : DType.BFloat16));

    /// <summary>Address of the first element, as kernels take numbers of this tensor's type: float, or ushort for 16 bits.</summary>
    internal DevicePtr<T> As<T>()
        where T : unmanaged => new(typeof(T) == typeof(ushort) ? NarrowData.Address : Data.Address);

    /// <summary>A tensor with undefined contents.</summary>
    internal static Tensor Allocate(Device device, Shape shape, DType type = DType.Float32) =>
        new(device, shape, type, device.Pool.Rent(shape.Count * type.Size()));

    /// <summary>A tensor with a shape and without memory: what ops are traced with.</summary>
    internal static Tensor Symbolic(Device device, Shape shape, DType type = DType.Float32) => new(device, shape, type, block: null);

    /// <summary>A tensor of zeros, owned by the caller's model.</summary>
    internal static Tensor Zeros(Device device, Shape shape) => Filled(device, shape, t => device.Kernels.Memory.Fill(t.Data, t.Count, 0));

    /// <summary>The same numbers, float32 or of 16 bits, in memory of their own.</summary>
    internal Tensor Copy() => Filled(Device, Shape, t =>
    {
        if (Type.IsNarrow())
            Device.Kernels.Memory.Copy(NarrowData, t.NarrowData, Count);
        else
            Device.Kernels.Memory.Copy(Data, t.Data, Count);
    }, Type);

    /// <summary>A tensor with the contents that an action gives it; none where that fails.</summary>
    internal static Tensor Filled(Device device, Shape shape, Action<Tensor> fill, DType type = DType.Float32)
    {
        Tensor t = Allocate(device, shape, type);
        try
        {
            fill(t);
        }
        catch
        {
            t.Release();
            throw;
        }
        return t;
    }

    /// <summary>A tensor with the given numbers.</summary>
    /// <exception cref="ShapeException">The number of values is not that of the shape.</exception>
    internal static Tensor From(Device device, Shape shape, ReadOnlySpan<float> values) => From(device, shape, values, DType.Float32);

    /// <inheritdoc cref="From(Device, Shape, ReadOnlySpan{float})"/>
    internal static Tensor From(Device device, Shape shape, ReadOnlySpan<int> values) => From(device, shape, values, DType.Int32);

    private static Tensor From<T>(Device device, Shape shape, ReadOnlySpan<T> values, DType type)
        where T : unmanaged
    {
        if (values.Length != shape.Count)
            throw new ShapeException($"Tensor: {values.Length} values do not fill shape {shape}, which takes {shape.Count}.");
        Tensor t = Allocate(device, shape, type);
        try
        {
            device.Kernels.Memory.Upload(values, new DevicePtr<T>(t.Address(type)));
        }
        catch
        {
            t.Release();
            throw;
        }
        return t;
    }

    /// <summary>Another shape over the same memory, or over the part that begins some numbers further on; both must be released.</summary>
    internal Tensor View(Shape shape, long offset = 0)
    {
        _block?.Share();
        return new Tensor(Device, shape, Type, _block, _offset + (nint)(offset * Type.Size()), this);
    }

    /// <summary>Notes that a kernel overwrote the numbers.</summary>
    internal void MarkChanged()
    {
        _version++;
        _source?.MarkChanged();
    }

    /// <summary>Overwrites all numbers; those of 16 bits are rounded to nearest.</summary>
    /// <exception cref="ShapeException">The number of values is not that of the shape.</exception>
    public void Set(ReadOnlySpan<float> values)
    {
        if (values.Length != Count)
            throw new ShapeException($"Tensor: {values.Length} values do not fill shape {Shape}, which takes {Count}.");
        if (Type.IsNarrow())
            Device.Kernels.Memory.Upload<ushort>(Array.ConvertAll(values.ToArray(), v => Type.Narrowed(v)), NarrowData);
        else
            Device.Kernels.Memory.Upload(values, Data);
        MarkChanged();
    }

    /// <summary>Overwrites all numbers in place, where the host can address them, else by way of an array.</summary>
    internal void Fill(SpanFiller fill)
    {
        int count = checked((int)Count);
        Span<float> own = Device.Kernels.Memory.HostSpan(Data, count);
        if (own.Length == count)
        {
            fill(own);
            MarkChanged();
            return;
        }
        var values = new float[count];
        fill(values);
        Set(values);
    }

    /// <summary>The numbers themselves, or a copy where the host cannot address them.</summary>
    internal ReadOnlySpan<float> HostView()
    {
        int count = checked((int)Count);
        Span<float> own = Device.Kernels.Memory.HostSpan(Data, count);
        return own.Length == count ? own : ToArray();
    }

    /// <summary>The numbers, copied to the host; those of 16 bits are widened.</summary>
    public float[] ToArray()
    {
        if (Type.IsNarrow())
        {
            var bits = new ushort[Count];
            Device.Kernels.Memory.Download(NarrowData, bits);
            return Array.ConvertAll(bits, b => Type.Widened(b));
        }
        var values = new float[Count];
        Device.Kernels.Memory.Download(Data, values);
        return values;
    }

    /// <summary>The only number of a tensor of one element.</summary>
    /// <exception cref="ShapeException">The tensor has more than one element.</exception>
    public float Item() => Count == 1 ? ToArray()[0] : throw new ShapeException($"Item: tensor {Shape} has {Count} elements, not one.");

    /// <summary>The same without waiting for it: it is brought while the device goes on with what is handed in behind.</summary>
    internal PendingNumber ItemLater() => Count == 1 ? Device.Kernels.Memory.Request(Data) : throw new ShapeException($"ItemLater: tensor {Shape} has {Count} elements, not one.");

    /// <summary>Gives the memory back until <see cref="Remake"/>.</summary>
    internal void Drop()
    {
        _block?.Release();
        _block = null;
        IsDropped = true;
    }

    /// <summary>Takes memory again, contents undefined; or looks into another tensor's, as <see cref="View"/> does.</summary>
    internal void Remake(Tensor? viewOf)
    {
        viewOf?._block!.Share();
        (_block, _offset) = viewOf is null ? (Device.Pool.Rent(Count * Type.Size()), 0) : (viewOf._block, viewOf._offset);
        IsDropped = false;
    }

    /// <summary>A tensor of the same shape in this one's memory; this one has none from here on.</summary>
    internal Tensor HandOver()
    {
        var heir = new Tensor(Device, Shape, Type, _block, _offset);
        (_block, IsHandedOver) = (null, true);
        return heir;
    }

    internal void Release()
    {
        ObjectDisposedException.ThrowIf(IsReleased, this);
        IsReleased = true;
        _block?.Release();
    }

    private nint Address(DType type)
    {
        if (IsReleased)
            throw new InvalidOperationException($"Tensor {Shape} was given back by its tape; read results out before the tape ends.");
        if (IsDropped)
            throw new InvalidOperationException($"Tensor {Shape} was given back by gradient checkpointing; read inner results from a step without it.");
        if (IsHandedOver)
            throw new InvalidOperationException($"Tensor {Shape} was written over by its own gradient; read it before Backward.");
        if (_block is null)
            throw new InvalidOperationException($"Tensor {Shape} stands for a step of an inference plan and has no numbers of its own. A layer reads numbers within an op (OpCall.HostIn), or says that it IsDynamic.");
        if (Type != type)
            throw new InvalidOperationException($"Tensor {Shape} holds {Type}, not {type}.{(Type == DType.Int32 ? " Numbers without a point, as in tape.Constant(shape, [1, 0]), make a tensor of indices; write [1f, 0f]." : "")}");
        return _block.Address + _offset;
    }

    /// <inheritdoc/>
    public override string ToString() => $"Tensor {Shape} {Type} on {Device}";
}

/// <summary>Writes every element of a span.</summary>
internal delegate void SpanFiller(Span<float> values);
