namespace Graft.Layers;

/// <summary>
/// Numbers that a layer owns: a kernel, a bias, a moving mean. The memory is taken and filled at the first use, so that
/// loading a weight file costs no initialisation, and a model that is only summarised costs none at all.
/// </summary>
public sealed class Parameter
{
    private readonly Layer _owner;
    private readonly Initializer _initializer;
    private Tensor? _value;
    private bool _isReleased; // had numbers, which nobody could tell from the ones that would be drawn

    internal Parameter(Layer owner, int position, string name, Shape shape, Initializer initializer, bool isStatistic)
    {
        _owner = owner;
        Position = position;
        Name = name;
        Shape = shape;
        _initializer = initializer;
        IsStatistic = isStatistic;
    }

    /// <summary>Name within the layer, as Keras has it: "kernel", "bias", "gamma", "moving_mean".</summary>
    public string Name { get; }

    /// <summary>Place among the layer's parameters, from 0, in Keras's order.</summary>
    public int Position { get; }

    /// <summary>Extent of each axis.</summary>
    public Shape Shape { get; }

    /// <summary>True for numbers that no optimizer moves: moving statistics.</summary>
    public bool IsStatistic { get; }

    /// <summary>False freezes this parameter alone, whatever its layer says: a weight beside which an adapter learns.</summary>
    public bool Trainable { get; set; } = true;

    /// <summary>True where the next training step moves it: no statistic, and neither itself nor its layer is frozen.</summary>
    public bool IsTrainable => Trainable && !IsStatistic && _owner.OwnTrainable;

    /// <summary>What it costs to be large; null for nothing.</summary>
    public Regularizer? Regularizer { get; internal init; }

    /// <summary>The layer that owns it.</summary>
    public Layer Layer => _owner;

    /// <summary>Name of the layer that owns it.</summary>
    public string LayerName => _owner.Name;

    /// <summary>The numbers, in the memory of <see cref="Device"/>.</summary>
    /// <exception cref="GraftException">They were given back by <see cref="Model.Release"/>, and no others were set or loaded.</exception>
    public Tensor Value => _value ??= Initialize();

    /// <summary>The numbers where their memory has been taken already; null before the first use.</summary>
    internal Tensor? Memory => _value;

    /// <summary>Where the numbers are or will be.</summary>
    public Device Device { get; private set; } = Device.Default;

    /// <summary>Overwrites the numbers from the host, row-major.</summary>
    /// <exception cref="ShapeException">The count differs from that of <see cref="Shape"/>.</exception>
    public void Set(ReadOnlySpan<float> values)
    {
        if (_value is null)
            _value = Tensor.From(Device, Shape, values);
        else
            _value.Set(values);
    }

    /// <summary>True once there is memory with numbers; before, nothing is lost by giving it some.</summary>
    internal bool HasValue => _value is not null;

    /// <summary>Takes over memory that was filled for it; only where there is none yet.</summary>
    internal void Adopt(Tensor value)
    {
        if (_value is not null)
            throw new InvalidOperationException($"Parameter '{_owner.Name}/{Name}' has numbers already.");
        _value = value;
    }

    internal void MoveTo(Device device)
    {
        if (device == Device)
            return;
        if (_value is not null)
        {
            Tensor moved = Tensor.From(device, Shape, _value.ToArray()); // there may be no memory for it
            _value.Release();
            _value = moved;
        }
        Device = device;
    }

    internal void Release()
    {
        _isReleased |= _value is not null; // a second time there is nothing to give back, and the numbers are as gone as before
        _value?.Release();
        _value = null;
    }

    private Tensor Initialize()
    {
        if (_isReleased)
            throw new GraftException($"'{_owner.Name}/{Name}' was given back by Release, and its numbers are gone. Release a model when none that shares its weights is needed any more; to use it again, load its weights.");
        var values = new float[Shape.Count];
        _initializer(Shape, new Random(RandomSeed.Of(_owner.Seed, $"{_owner.Name}/{Name}")), values);
        return Tensor.From(Device, Shape, values);
    }
}
