using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Graft.Layers;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Models;

public sealed class ModelFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    private string FilePath => Path.Combine(_folder, "model.graft");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_trained_model_comes_back_with_everything()
    {
        (Model model, float[] x) = Trained();
        ModelFile.Save(model, FilePath, model.History);
        SavedModel saved = ModelFile.Load(FilePath);
        Assert.Equal(model.Summary(), saved.Model.Summary());
        Assert.Equal(["cat", "dog"], saved.Model.ClassNames);
        Assert.Equal(Preprocessing.Caffe.Mean, saved.Model.Preprocessing!.Mean);
        Assert.Equal(model.Preprocessing!.MeanImage!.Values, saved.Model.Preprocessing.MeanImage!.Values);
        Assert.Equal(new ImageInput(4, 4, ResizeFilter.Lanczos, AppliesOrientation: true, Draft: true), saved.Model.Preprocessing.Input);
        Assert.Equal(model.History!.ToJson(), saved.History!.ToJson());
        Assert.Equal(model.Predict(x, new Shape(2, 4, 4, 3)), saved.Model.Predict(x, new Shape(2, 4, 4, 3)));
        Assert.False(((Model)saved.Model.GetLayer("base")).Trainable);
        Assert.Equal(model.Optimizer!.ExportState(model).Select(s => s.Name).Order(StringComparer.Ordinal), saved.OptimizerState.Select(s => s.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_flipped_bit_is_found_by_the_checksum()
    {
        ModelFile.Save(Trained().Model, FilePath);
        byte[] bytes = File.ReadAllBytes(FilePath);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(FilePath, bytes);
        Assert.Contains(FilePath, Assert.Throws<GraftException>(() => ModelFile.Load(FilePath)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(2000)]
    public void A_truncated_file_is_refused(int length)
    {
        ModelFile.Save(Trained().Model, FilePath);
        File.WriteAllBytes(FilePath, File.ReadAllBytes(FilePath)[..length]);
        Assert.Contains(FilePath, Assert.Throws<GraftException>(() => ModelFile.Load(FilePath)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_save_that_cannot_begin_leaves_the_old_file()
    {
        Model model = Trained().Model;
        ModelFile.Save(model, FilePath);
        byte[] before = File.ReadAllBytes(FilePath);
        Directory.CreateDirectory($"{FilePath}.{Environment.ProcessId}.tmp"); // stands where the new file would be written
        Assert.Contains("unchanged", Assert.Throws<GraftException>(() => ModelFile.Save(model, FilePath)).Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(FilePath));
    }

    [Fact]
    public void A_disk_that_fills_up_at_any_byte_is_an_error_and_the_old_file_stands()
    {
        Model model = Trained().Model;
        ModelFile.Save(model, FilePath);
        byte[] before = File.ReadAllBytes(FilePath);
        foreach (int room in new[] { 0, 1, 29, 200, before.Length / 2, before.Length - 200, before.Length - 1 })
            Assert.Throws<IOException>(() => ModelFile.Write(model, new FullDisk(room), null));
        using var enough = new FullDisk(before.Length);
        ModelFile.Write(model, enough, null);
        Assert.Equal(before.Length, enough.Length);
        Assert.Equal(before, File.ReadAllBytes(FilePath));
    }

    [Fact]
    public void A_file_of_the_first_version_resizes_bilinearly_to_the_size_of_its_model()
    {
        ModelFile.Save(Trained().Model, FilePath);
        Rewrite(FilePath, json => ((JsonObject)json["preprocessing"]!).Remove("input"));
        Preprocessing old = ModelFile.Load(FilePath).Model.Preprocessing!;
        Assert.Equal(new ImageInput(4, 4, ResizeFilter.Bilinear), old.Input);
        Assert.Equal((4, 4), (old.MeanImage!.Height, old.MeanImage.Width));
        Rewrite(FilePath, json => json["tensors"]!.AsArray().Single(t => (string)t!["name"]! == "preprocessing/mean_image")!["shape"] = new JsonArray(48));
        Assert.Equal((4, 4), (ModelFile.Load(FilePath).Model.Preprocessing!.MeanImage!.Height, ModelFile.Load(FilePath).Model.Preprocessing!.MeanImage!.Width));
    }

    [Fact]
    public void An_unknown_resize_filter_is_named()
    {
        ModelFile.Save(Trained().Model, FilePath);
        Rewrite(FilePath, json => json["preprocessing"]!["input"]!["resize"] = "Telepathy");
        string message = Assert.Throws<GraftException>(() => ModelFile.Load(FilePath)).Message;
        Assert.Contains("Telepathy", message, StringComparison.Ordinal);
        Assert.Contains("Bilinear", message, StringComparison.Ordinal);
    }

    /// <summary>Changes what a model file says, with a checksum that fits.</summary>
    internal static void Rewrite(string path, Action<JsonNode> change)
    {
        using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Update);
        byte[] Read(string name)
        {
            using Stream entry = zip.GetEntry(name)!.Open();
            using var bytes = new MemoryStream();
            entry.CopyTo(bytes);
            return bytes.ToArray();
        }
        JsonNode json = JsonNode.Parse(Read("model.json"))!;
        change(json);
        byte[] text = System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()), data = Read("tensors.bin");
        foreach ((string name, byte[] bytes) in new[] { ("model.json", text), ("sha256", SHA256.HashData([.. text, .. data])) })
        {
            zip.GetEntry(name)!.Delete();
            using Stream entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
            entry.Write(bytes);
        }
    }

    private static (Model Model, float[] Inputs) Trained()
    {
        var body = new Sequential(4, 4, 3) { new Conv2D(2, 3, 3) { Name = "conv" }, new BatchNormalization { Name = "bn" } };
        body.Name = "base";
        body.Trainable = false;
        var model = new Sequential(4, 4, 3) { body, new Flatten(), new Dense(1, Activation.Sigmoid) { Name = "head" } };
        model.ClassNames = ["cat", "dog"];
        model.Preprocessing = (Preprocessing.Caffe with { MeanImage = new MeanImage(1, 1, [1, 2, 3]) }).For(new ImageInput(4, 4, ResizeFilter.Lanczos, AppliesOrientation: true, Draft: true));
        float[] x = [.. Enumerable.Range(0, 96).Select(i => MathF.Sin(i))];
        model.Compile(new Adam(), Loss.BinaryCrossEntropy(), Metric.Accuracy);
        model.Fit(new ArrayBatches(x, new Shape(4, 4, 3), [0, 1], new Shape(1), LabelKind.Binary, batchSize: 2), epochs: 2);
        return (model, x);
    }

    private sealed class FullDisk(long room) : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Check(buffer.Length);
            base.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            Check(count);
            base.Write(buffer, offset, count);
        }

        public override void WriteByte(byte value)
        {
            Check(1);
            base.WriteByte(value);
        }

        private void Check(int count)
        {
            if (Position + count > room)
                throw new IOException("No space left on device");
        }
    }
}
