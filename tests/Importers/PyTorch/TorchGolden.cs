using System.Buffers.Binary;
using System.Text.Json;
using Graft.Importers.Safetensors;

namespace Graft.Tests.Importers.PyTorch;

/// <summary>Files that torch.save wrote (PyTorch 1.13), and what is in them.</summary>
internal static class TorchGolden
{
    public static string Path(string name) => System.IO.Path.Combine(AppContext.BaseDirectory, "Importers", "PyTorch", "Golden", name);

    public static JsonElement Expected { get; } = JsonDocument.Parse(File.ReadAllBytes(Path("expected.json"))).RootElement;

    /// <summary>Every tensor of a safetensors file as it is stored.</summary>
    public static Dictionary<string, (SafetensorsEntry Entry, byte[] Bytes)> Tensors(string name)
    {
        byte[] all = File.ReadAllBytes(Path(name));
        int start = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(all);
        return SafetensorsWeights.Open(Path(name)).Tensors.ToDictionary(e => e.Name, e => (e, all.AsSpan(start + (int)e.Begin, (int)e.Bytes).ToArray()));
    }
}
