using Graft.Importers;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>A model from a file, with the names of what goes in and out.</summary>
/// <param name="Model">The model; the terminal owns it.</param>
/// <param name="Inputs">Names of the inputs, in the model's order.</param>
/// <param name="Outputs">Names of the layers that give the outputs, in the model's order.</param>
internal sealed record OpenedModel(Model Model, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs)
{
    /// <summary>Opens a .graft file, a Keras or an ONNX model.</summary>
    /// <param name="terminal">Owns the model, and prints what is not kept of a file of another program.</param>
    /// <param name="path">The file.</param>
    /// <param name="architecture">Where the file holds weights alone: the JSON of Keras's to_json.</param>
    /// <param name="shapes">Shapes of inputs that the file leaves open, by name, or under "" of the only one.</param>
    /// <param name="compile">True compiles a .graft file as it was saved, with its optimizer; what is of other programs always is.</param>
    /// <exception cref="GraftException">The file is missing, damaged, or of a kind that is not known.</exception>
    public static OpenedModel Of(Terminal terminal, string path, string? architecture, IReadOnlyDictionary<string, Shape> shapes, bool compile = false)
    {
        if (ModelFiles.IsGraft(path))
        {
            Model saved = terminal.Own(ModelFile.Load(path, compile: compile).Model);
            return new OpenedModel(saved, [.. saved.Inputs.Select(i => i.Layer.Name)], [.. saved.Outputs.Select(o => o.Layer.Name)]);
        }
        ImportedModel model = ModelFiles.Open(path, architecture, shapes);
        terminal.Own(model.Model);
        foreach (string note in model.Notes)
            terminal.Line($"note: {note}");
        return new OpenedModel(model.Model, model.InputNames, model.OutputNames);
    }
}
