using Graft.Layers;
using Graft.Weights;

namespace Graft.Tests.Golden;

/// <summary>A weight file that lies in memory, with PyTorch's names unless told otherwise.</summary>
internal sealed class NamedArrays : WeightFile
{
    private readonly Dictionary<string, (Shape Shape, float[] Values)> _arrays = [];

    public override string Source => "test.bin";

    public override IReadOnlyCollection<string> Names => _arrays.Keys;

    /// <summary>Where a layer's parameter is; null is PyTorch's rule.</summary>
    public Func<string, Parameter, WeightName>? Rule { get; init; }

    public (Shape Shape, float[] Values) this[string name]
    {
        set => _arrays[name] = value;
    }

    /// <summary>Another file's arrays under other names; a name that becomes null is left out.</summary>
    public static NamedArrays Renamed(WeightFile file, Func<string, string?> rename)
    {
        var arrays = new NamedArrays();
        foreach (string name in file.Names)
        {
            if (rename(name) is { } other)
                arrays[other] = (file.ShapeOf(name), file.Read(name));
        }
        return arrays;
    }

    public override Shape ShapeOf(string name) => _arrays[name].Shape;

    public override float[] Read(string name) => _arrays[name].Values;

    public override WeightName Locate(string layer, Parameter parameter) => Rule?.Invoke(layer, parameter) ?? WeightName.Torch(layer, parameter);
}
