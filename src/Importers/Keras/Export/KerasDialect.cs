using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <summary>How a version of Keras writes a model down.</summary>
internal sealed record KerasDialect
{
    private KerasDialect(int generation, bool isArchive, string version) => (Generation, IsArchive, Version) = (generation, isArchive, version);

    /// <summary>HDF5 as Keras 2 writes it, which tf.keras and Keras 3 read too.</summary>
    public static KerasDialect Two { get; } = new(2, false, "2.3.1");

    /// <summary>HDF5 as Keras 3 writes it.</summary>
    public static KerasDialect ThreeInHdf5 { get; } = new(3, false, "3.12.0");

    /// <summary>A .keras archive of Keras 3.</summary>
    public static KerasDialect Three { get; } = new(3, true, "3.12.0");

    /// <summary>2 or 3.</summary>
    public int Generation { get; }

    /// <summary>True for a .keras archive.</summary>
    public bool IsArchive { get; }

    /// <summary>The version that the file says wrote it: the one whose files this form was compared with.</summary>
    public string Version { get; }

    /// <summary>True for Keras 3.</summary>
    public bool IsThree => Generation == 3;

    /// <summary>What a layer is called in the file: Keras 3 takes no slash.</summary>
    public string NameOf(Layer layer) => IsThree ? layer.Name.Replace('/', '_') : layer.Name;

    /// <summary>Keras's class of a layer.</summary>
    public string ClassOf(Layer layer) => layer switch
    {
        Sequential when KerasOrder.IsSequential(layer) => "Sequential",
        Model => IsThree ? "Functional" : "Model",
        ThresholdedReLU when IsThree => "ReLU", // which computes it with a threshold
        GroupedQueryAttention when IsThree => "GroupQueryAttention", // the public name of the class
        _ => layer.ClassName,
    };
}
