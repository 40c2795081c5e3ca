using Graft.Layers;

namespace Graft.Weights;

/// <summary>Named arrays in a file: what importers deliver and models load.</summary>
public abstract class WeightFile
{
    /// <summary>Name of the file, for errors.</summary>
    public abstract string Source { get; }

    /// <summary>Names of all arrays.</summary>
    public abstract IReadOnlyCollection<string> Names { get; }

    /// <summary>Shape of an array, as the file has it.</summary>
    public abstract Shape ShapeOf(string name);

    /// <summary>The numbers of an array, row-major, as float32.</summary>
    public abstract float[] Read(string name);

    /// <summary>The same numbers into memory that is there already.</summary>
    /// <param name="name">The array.</param>
    /// <param name="destination">As many elements as the shape has.</param>
    public virtual void ReadInto(string name, Span<float> destination) => Read(name).CopyTo(destination);

    /// <summary>True where several threads may read at once, and <see cref="ReadInto"/> needs no memory of the array's size.</summary>
    public virtual bool ReadsInPlace => false;

    /// <summary>Where files of this format keep a parameter, and how it is laid out there.</summary>
    /// <param name="layer">Name of the layer in the file, or its path "model/layer".</param>
    /// <param name="parameter">The parameter.</param>
    public abstract WeightName Locate(string layer, Parameter parameter);
}
