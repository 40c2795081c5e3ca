using System.Text.Json;
using Graft.Importers.Keras;
using Graft.Importers.Keras.Architecture;

namespace Graft.Importers.Inspection;

/// <summary>What a Keras file says of its model: the table that Keras prints, where it can be built here.</summary>
internal static class KerasContents
{
    /// <summary>The summary, or why there is none.</summary>
    public static (string? Summary, string? Why) Summary(string path)
    {
        try
        {
            Model model = new KerasImport().Build(path).Model; // no weights are drawn or read for it
            return (model.Summary(), null);
        }
        catch (GraftException e)
        {
            return (null, e.Message.StartsWith($"{path}: ", StringComparison.Ordinal) ? e.Message[(path.Length + 2)..] : e.Message);
        }
    }

    /// <summary>True for JSON with a class and its config.</summary>
    public static bool IsArchitecture(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            using JsonDocument document = JsonDocument.Parse(stream, new JsonDocumentOptions { MaxDepth = KerasJsonText.DeepestNesting });
            return document.RootElement.TryGetProperty("class_name", out _) && document.RootElement.TryGetProperty("config", out _);
        }
        catch (JsonException)
        {
            return false; // not JSON: the caller says what else it may be
        }
    }

    /// <summary>An architecture without weights.</summary>
    public static FileContents Architecture(string path)
    {
        (string? summary, string? why) = Summary(path);
        return new FileContents(path, "Keras architecture", new FileInfo(path).Length)
        {
            Facts = why is null ? [] : [("cannot be built", why)], Summary = summary, Layers = KerasConfig.Layers(File.ReadAllText(path), path), Arrays = [],
        };
    }
}
