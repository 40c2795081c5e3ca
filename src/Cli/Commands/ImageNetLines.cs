using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Models;

namespace Graft.Cli.Commands;

/// <summary>Writes what a network with its ImageNet classifier saw: id, name and probability of the likeliest classes.</summary>
internal static class ImageNetLines
{
    /// <summary>Writes a block of lines an image, or one array of JSON.</summary>
    public static void Write(Terminal terminal, IReadOnlyList<string> files, IReadOnlyList<ImageNetPrediction[]> predictions, bool json, IDictionary<int, string> errors)
    {
        if (json)
        {
            terminal.Line(new JsonArray([.. files.Select((f, i) => (JsonNode)(errors.TryGetValue(i, out string? error) ? new JsonObject { ["image"] = f, ["error"] = error } : new JsonObject
            {
                ["image"] = f,
                ["predictions"] = new JsonArray([.. predictions[i].Select(p => (JsonNode)new JsonObject { ["wnid"] = p.Wnid, ["name"] = p.Name, ["probability"] = p.Probability })]),
            }))]).ToJsonString());
            return;
        }
        for (int i = 0; i < files.Count; i++)
        {
            terminal.Line(errors.TryGetValue(i, out string? error) ? $"skipped {error}" : $"{files[i]}:");
            foreach (ImageNetPrediction p in predictions[i])
                terminal.Line(string.Create(CultureInfo.InvariantCulture, $"  {p.Wnid}  {p.Name,-24}  {p.Probability:F4}"));
        }
    }
}
