using Graft.Importers.Keras.Architecture;
using Graft.Importers.Keras.Stored;
using Graft.Importers.Keras.Training;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.Keras;

/// <summary>Reads whole models of Keras 1, 2 and 3: graph, weights, and what they were compiled with.</summary>
/// <remarks>
/// Formats, told by content whatever the name ends in: .keras (Keras 3 and 2.12 to 2.15), whole-model HDF5 (Keras 1 to 3), and weights (HDF5, .weights.h5) with
/// the JSON of model.to_json() beside them. Inputs and outputs keep the file's order of axes; layers with channels first run on [N,..,C] inside. Nothing in a file
/// is ever run: what is Python code there (Lambda, classes of one's own) is refused by name unless a layer is registered for it. docs/keras.md lists all layers.
/// </remarks>
/// <example><code>
/// Model model = KerasImport.Load("model.keras");
/// KerasModel custom = new KerasImport().Register("Twice", c => new Lambda((tape, x) => tape.Run(new UnaryOp(UnaryFormula.Scale, 2), x))).Open("custom.h5");
/// </code></example>
public sealed class KerasImport
{
    private const string AModel = "cannot be read as a model of Keras";

    private readonly Dictionary<string, Func<KerasLayerConfig, Layer>> _registered = [];

    /// <summary>
    /// Shapes of inputs by their names, without the axis of samples, for files that leave extents open (a length of sequence, the size of an image);
    /// under "" that of the only input.
    /// </summary>
    public IReadOnlyDictionary<string, Shape> InputShapes { get; init; } = new Dictionary<string, Shape>();

    /// <summary>A model with its weights; compiled, with the optimizer's state, where the file was and all of it is known here.</summary>
    /// <inheritdoc cref="Open"/>
    public static Model Load(string path, string? architecture = null) => new KerasImport().Open(path, architecture).Model;

    /// <summary>Names of the inputs with their shapes, without the axis of samples, null for extents that the file leaves open.</summary>
    /// <exception cref="GraftException">The file holds no architecture, or is damaged.</exception>
    public static IReadOnlyList<(string Name, IReadOnlyList<int?>? Shape)> InputsOf(string path, string? architecture = null) => FileErrors.Named<IReadOnlyList<(string, IReadOnlyList<int?>?)>>(path, AModel, () =>
    {
        KerasModelFile file = Find(path, architecture);
        return [.. KerasInputs.All(new KerasSpecReader(file.Path, KerasGenerations.Of(file)).Model(file.Architecture!)).Select(i => (i.Name, (IReadOnlyList<int?>?)i.Shape))];
    });

    /// <summary>True for a file that holds the architecture of a Keras model, with weights or without.</summary>
    /// <exception cref="GraftException">The file is missing or damaged.</exception>
    public static bool HoldsArchitecture(string path) => FileErrors.Named(path, AModel, () => KerasModelFile.Open(path).Architecture is not null);

    /// <summary>Puts a layer of one's own in the place of a class, or of the one layer of that name.</summary>
    /// <param name="name">The class ("Lambda", "MyLayer", without a package) or the layer ("lambda_1"); the layer's name goes first.</param>
    /// <param name="make">Makes the layer of its attributes. It takes the weights that the file has for it, in the order of its parameters.</param>
    public KerasImport Register(string name, Func<KerasLayerConfig, Layer> make)
    {
        _registered[name] = make;
        return this;
    }

    /// <summary>Reads a model.</summary>
    /// <param name="path">The file: .keras, .h5, or weights.</param>
    /// <param name="architecture">Where <paramref name="path"/> holds weights alone: the JSON of model.to_json(), or any file with an architecture.</param>
    /// <exception cref="GraftException">
    /// The file is missing or damaged, or something in it cannot be built: file, layer, class and attribute are named, with how to mend it.
    /// </exception>
    public KerasModel Open(string path, string? architecture = null) => FileErrors.Named(path, AModel, () =>
    {
        KerasModelFile file = Find(path, architecture);
        if (file.Weights is not { } source)
            throw new GraftException($"{path}: holds an architecture and no weights; Build makes a model of it with new ones, or name the weight file first and this one second.");
        (KerasModel built, KerasBuildContext context, KerasGraph graph) = Build(file);
        try
        {
            KerasStoredWeights stored = KerasStoredWeights.Open(source);
            var weights = new KerasModelWeights(path, stored, graph.Layers, KerasGenerations.OfWeights(source, context.Generation));
            WeightLoader.Load(built.Model, weights);
            KerasTraining.Restore(built.Model, file, stored, weights, context);
            return built with { Notes = [.. context.Notes] };
        }
        catch
        {
            built.Model.Release();
            throw;
        }
    });

    /// <summary>A model of an architecture, with new weights.</summary>
    /// <inheritdoc cref="Open"/>
    public KerasModel Build(string path) => FileErrors.Named(path, AModel, () =>
    {
        (KerasModel built, KerasBuildContext context, _) = Build(Find(path, null));
        return built with { Notes = [.. context.Notes] };
    });

    private (KerasModel Built, KerasBuildContext Context, KerasGraph Graph) Build(KerasModelFile file)
    {
        int generation = KerasGenerations.Of(file);
        KerasModelSpec spec = new KerasSpecReader(file.Path, generation).Model(file.Architecture!);
        var context = new KerasBuildContext(file.Path, generation, _registered);
        var graph = new KerasGraph(context, spec);
        IReadOnlyList<(string Name, int?[]? Shape)> inputs = KerasInputs.All(spec);
        string? unknown = InputShapes.Keys.FirstOrDefault(k => !(k.Length == 0 && inputs.Count == 1) && inputs.All(i => i.Name != k));
        if (unknown is not null)
            throw new GraftException($"{file.Path}: has no input '{unknown}'; its inputs are {string.Join(", ", inputs.Select(i => $"'{i.Name}' {KerasInputs.Shown(i.Shape)}"))}.");
        Model model = graph.Build([.. inputs.Select(i => InputShapes.GetValueOrDefault(i.Name) ?? (inputs.Count == 1 ? InputShapes.GetValueOrDefault("") : null))]);
        string[] outputs = spec.IsSequential ? [spec.Layers[^1].Name] : [.. spec.Outputs.Select(o => o.Layer)];
        return (new KerasModel(model, file.Format, file.Version, [.. inputs.Select(i => i.Name)], outputs), context, graph);
    }

    private static KerasModelFile Find(string path, string? architecture)
    {
        KerasModelFile file = KerasModelFile.Open(path);
        if (architecture is not null)
            return file.WithArchitectureOf(KerasModelFile.Open(architecture));
        return file.Architecture is not null ? file : throw new GraftException(
            $"{path}: holds weights and no architecture. Name the JSON of model.to_json() too; where there is none, build the model here and load the weights into it (KerasHdf5.Open, WeightLoader.Load).");
    }
}
