using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Cli;

/// <summary>The note that a training leaves of how it was begun, so that it is gone on with in the same way.</summary>
internal static class RunNote
{
    /// <summary>How images in folders are held back to validate on: once it was the first of each.</summary>
    public const string Split = "held-back";

    // What is no option's value: a digest, or a count.
    private static readonly Dictionary<string, string> s_contents = new() { ["text"] = "the contents of --text differ", ["validation-text"] = "the contents of --validation-text differ", ["images"] = "the images differ", [Split] = "images are held back to validate on in another way (earlier versions took the first of each folder, --seed draws them now)", ["table"] = "the contents of the tables of --data and --validation differ" };

    /// <summary>Writes it.</summary>
    public static void Write(string path, JsonObject run) => File.WriteAllText(path, run.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");

    /// <summary>Reads it.</summary>
    /// <exception cref="GraftException">It is damaged.</exception>
    public static JsonObject Read(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new GraftException($"{path}: is no JSON object ({e.Message.TrimEnd('.')}); the file is damaged. Remove it to begin anew.", e);
        }
    }

    /// <summary>Checks that a training was begun with these settings.</summary>
    /// <exception cref="GraftException">There is none, or it was begun with others; the message lists them.</exception>
    public static void Check(string path, JsonObject run, string output)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file, so there is no training to go on with in {output}; leave --resume out to begin one.");
        JsonObject begun = Read(path);
        string[] others = [.. run.Where(s => s.Value?.ToJsonString() != begun[s.Key]?.ToJsonString())
            .Select(s => s_contents.GetValueOrDefault(s.Key) ?? $"--{s.Key} was {begun[s.Key]?.ToString() ?? "not given"}, not {s.Value?.ToString() ?? "absent"}")];
        if (others.Length > 0)
            throw new GraftException($"{output}: the training there was begun otherwise: {string.Join("; ", others)}. Give the same options, or begin anew in another folder.");
    }
}
