using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Layers;
using Graft.Tests.Golden;
using PureHDF;
using PureHDF.VOL.Native;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>Single layers against Keras 3, forward and backward, on both host kernel sets.</summary>
public sealed class KerasLayerTests
{
    private const int Groups = 111;
    private const string Absent = "(the reference data is absent)";

    /// <summary>Share of max(1, scale), as the data's readme gives it; Keras's own float32 is within a tenth of it.</summary>
    private const double Tolerance = 4e-6;

    /// <summary>Groups that are not run, each with its reason. All layers of the file exist here.</summary>
    private static readonly Dictionary<string, string> s_leftOut = [];

    internal static IEnumerable<string> Names => GroupNames() ?? [Absent];

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string name in Names)
            {
                data.Add(name, Device.Reference.Name);
                data.Add(name, Device.Cpu.Name);
            }
            return data;
        }
    }

    [Fact]
    public void All_groups_of_the_file_are_run_or_left_out_by_name()
    {
        GraftShared.Path("reference", "keras", "layers", "index.json");
        string[] run = [.. Cases.Select(row => row.Data.Item1).Distinct()];
        Assert.Equal(Groups, run.Length + s_leftOut.Count);
        Assert.Empty(run.Intersect(s_leftOut.Keys));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Output_gradients_and_moved_statistics_equal_those_of_Keras(string name, string deviceName) =>
        Compare(name, deviceName == Device.Cpu.Name ? Device.Cpu : Device.Reference);

    /// <summary>One group of the file on one device.</summary>
    internal static void Compare(string name, Device device)
    {
        using NativeFile file = H5File.OpenRead(GraftShared.Path("reference", "keras", "layers", "layer_cases.h5"));
        IH5Group group = file.Group(name);
        Layer layer = KerasJson.Layer(group.Attribute("class_name").Read<string>(), JsonNode.Parse(group.Attribute("config").Read<string>())!);
        (Shape shape, float[] x) = Read(group, "x");
        Node input = Node.Input(shape.Tail());
        var model = new Model(input, layer.Apply(input));
        model.MoveTo(device);
        for (int i = 0; i < layer.Parameters.Count; i++)
            layer.Parameters[i].Set(KerasWeights.ToGraft(layer, layer.Parameters[i], Read(group, $"w/{i}").Values));
        Assert.Equal(JsonNode.Parse(group.Attribute("weight_names").Read<string>())!.AsArray().Count, layer.Parameters.Count);

        using var tape = new Tape(device) { Training = group.Attribute("training").Read<long>() == 1 };
        Tensor data = tape.Constant(shape, x);
        tape.Watch(data);
        Parameter[] trainable = [.. layer.Parameters.Where(p => p.IsTrainable)];
        Assert.Equal(JsonNode.Parse(group.Attribute("trainable_names").Read<string>())!.AsArray().Count, trainable.Length);
        foreach (Parameter p in trainable)
            tape.Watch(p.Value); // layers ask for gradients in training alone, Keras's tape always
        Tensor y = model.Run(tape, [data])[0];
        (Shape expectedShape, float[] expected) = Read(group, "y");
        Assert.Equal(expectedShape, y.Shape);
        Near("y", expected, y.ToArray());

        tape.Backward(y, Read(group, "upstream").Values);
        Near("dx", Read(group, "dx").Values, tape.Gradient(data)!.ToArray());
        for (int i = 0; i < trainable.Length; i++)
            Near($"gradient of {trainable[i].Name}", KerasWeights.ToGraft(layer, trainable[i], Read(group, $"dw/{i}").Values), tape.Gradient(trainable[i].Value)!.ToArray());
        for (int i = 0; layer is BatchNormalization && i < layer.Parameters.Count; i++)
            Near($"{layer.Parameters[i].Name} after the step", Read(group, $"w_after/{i}").Values, layer.Parameters[i].Value.ToArray());
        model.Release();
    }

    private static IEnumerable<string>? GroupNames()
    {
        string? index = GraftShared.Root is null ? null : Path.Combine(GraftShared.Root, "reference", "keras", "layers", "index.json");
        return File.Exists(index) ? JsonNode.Parse(File.ReadAllText(index))!.AsObject().Select(g => g.Key).Where(g => !s_leftOut.ContainsKey(g)) : null;
    }

    private static (Shape Shape, float[] Values) Read(IH5Group group, string name)
    {
        IH5Dataset dataset = group.Dataset(name);
        return (new Shape([.. dataset.Space.Dimensions.Select(d => (int)d)]), dataset.Read<float[]>());
    }

    private static void Near(string what, float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = Math.Max(1, expected.Max(Math.Abs)), difference = expected.Zip(actual, (e, a) => Math.Abs((double)e - a)).Max();
        Assert.True(difference <= Tolerance * scale, $"{what} differs by {difference / scale:g3} of max(1, scale).");
    }
}
