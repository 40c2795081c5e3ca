using Graft.Kernels;
using Graft.Training;

namespace Graft.Inference;

/// <summary>
/// What the plans of a model share: one arena as large as the largest needs, and the packed weights. A plan's results hold until any of
/// them runs again.
/// </summary>
internal sealed class PlanMemory(Device device) : IDisposable
{
    private const int Row = 1024; // floats; the arena is a matrix of such rows, as one extent is an int

    private readonly Dictionary<object, PackedWeights> _packed = [];
    private Tensor? _arena;

    /// <summary>Where it is.</summary>
    public Device Device => device;

    /// <summary>Tells those who hold addresses in the arena to let go of them: it is about to move.</summary>
    public event Action? Moving;

    /// <summary>The arena, after <see cref="Require"/>.</summary>
    public Tensor Arena => _arena!;

    /// <summary>Makes the arena at least so large; what is in it is lost if it grows.</summary>
    public void Require(long floats)
    {
        if (_arena is not null && _arena.Count >= floats)
            return;
        Moving?.Invoke();
        _arena?.Release();
        _arena = null;
        device.Pool.Trim(); // an outgrown arena fits nothing else
        _arena = Tensor.Allocate(device, new Shape(checked((int)((floats + Row - 1) / Row)), Row));
    }

    /// <summary>What is held now; packed weights are named after the kernel that they were packed from.</summary>
    public IEnumerable<HeldTensor> Held(IReadOnlyDictionary<Tensor, string> kernels)
    {
        if (_arena is not null)
            yield return new HeldTensor("inference plan/arena", MemoryUse.Scratch, _arena.Shape, _arena.Bytes);
        foreach (PackedWeights weights in _packed.Values)
        {
            if (weights.Packed is { } packed)
                yield return new HeldTensor($"inference plan/packed {kernels.GetValueOrDefault(weights.Kernel, "weights")}", MemoryUse.Scratch, packed.Shape, packed.Bytes);
        }
    }

    /// <summary>The packed weights of a convolution, shared by all who ask for the same.</summary>
    public PackedConv Acquire(FrozenWeights weights, ConvAlgorithm algorithm) => Acquire((weights, algorithm), () => new PackedConv(weights, algorithm));

    /// <summary>The same of a dense weight.</summary>
    public PackedDense Acquire(Tensor kernel) => Acquire(kernel, () => new PackedDense(kernel));

    /// <summary>Says that packed weights are used once less.</summary>
    public void Release(PackedWeights packed) => packed.Users--;

    /// <summary>Gives the memory of packed weights back that nobody uses.</summary>
    public void Sweep()
    {
        foreach (object key in _packed.Where(p => p.Value.Users == 0).Select(p => p.Key).ToArray())
        {
            _packed[key].Dispose();
            _packed.Remove(key);
        }
    }

    public void Dispose()
    {
        Moving?.Invoke();
        _arena?.Release();
        _arena = null;
        foreach (PackedWeights packed in _packed.Values)
            packed.Dispose();
        _packed.Clear();
    }

    private T Acquire<T>(object key, Func<T> create)
        where T : PackedWeights
    {
        if (!_packed.TryGetValue(key, out PackedWeights? packed))
            _packed.Add(key, packed = create());
        packed.Users++;
        return (T)packed;
    }
}
