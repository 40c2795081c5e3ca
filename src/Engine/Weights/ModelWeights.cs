using Graft.Layers;

namespace Graft.Weights;

/// <summary>
/// The weights of a model as <see cref="WeightLoader"/> takes those of a file, by the paths of <see cref="Model.NamedParameters"/>: to copy them into another model.
/// <c>WeightLoader.Load(student, new ModelWeights(teacher))</c> is PyTorch's load_state_dict of a state_dict; with <c>strict: false</c> what fits is copied and the rest reported.
/// </summary>
/// <param name="model">The model that weights are taken from. It stays as it is.</param>
public sealed class ModelWeights(Model model) : WeightFile
{
    private readonly Dictionary<string, Parameter> _parameters = model.NamedParameters().DistinctBy(p => p.Path).ToDictionary(p => p.Path, p => p.Parameter);

    /// <inheritdoc/>
    public override string Source => $"model '{model.Name}'";

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _parameters.Keys;

    /// <inheritdoc/>
    public override Shape ShapeOf(string name) => _parameters[name].Shape;

    /// <inheritdoc/>
    public override float[] Read(string name) => _parameters[name].Value.ToArray();

    /// <inheritdoc/>
    public override WeightName Locate(string layer, Parameter parameter) => new($"{layer}/{parameter.Name}");
}
