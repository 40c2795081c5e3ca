using Graft.Importers.Keras;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Importers.Keras;

public sealed class KerasHdf5Tests
{
    private static string WholeModel(params string[] parts) => GraftShared.Path(["reference", "keras", "whole_models", .. parts]);

    [Theory]
    [InlineData("keras2_theano", "chunked_layer_names")]
    [InlineData("keras3", "chunked_layer_names")]
    [InlineData("keras2_theano", "chunked_weight_names")]
    [InlineData("keras3", "chunked_weight_names")]
    public void Split_lists_of_names_are_joined(string keras, string name)
    {
        using var files = new TemporaryFiles();
        KerasHdf5 weights = KerasHdf5.Open(files.Unpack(WholeModel(keras, $"{name}.h5.gz")));
        string[] layers = [.. weights.Names.Where(n => n.EndsWith("/kernel", StringComparison.Ordinal)).Select(n => n[..^7])];
        var model = new Sequential(4);
        foreach (string layer in layers.Where(l => l != "last"))
            model.Add(new Dense(3, Activation.Tanh) { Name = layer });
        if (layers.Contains("last"))
            model.Add(new Dense(2) { Name = "last" });
        Assert.Equal(name == "chunked_layer_names" ? 110 : 111, layers.Length);
        WeightLoader.Load(model, weights);
        (int[] shape, float[] x) = Npy.Read(WholeModel(keras, "chunked_input.npy"));
        float[] expected = Npy.Read(WholeModel(keras, $"{name}_output.npy")).Values;
        float[] found = [.. model.Predict(x, new Shape(shape)).SelectMany(r => r)];
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], 1e-6f);
    }

    [Theory]
    [InlineData("small_vgg_rmsprop")]
    [InlineData("small_resnet_adam")]
    [InlineData("small_vgg_unfrozen_sgdm")]
    public void One_model_in_every_form_holds_the_same_arrays(string name)
    {
        KerasHdf5 classic = KerasHdf5.Open(WholeModel("keras3", $"{name}.h5"));
        KerasHdf5 numbered = KerasHdf5.Open(WholeModel("keras3", $"{name}.weights.h5"));
        KerasHdf5 archive = KerasHdf5.Open(WholeModel("keras3", $"{name}.keras"));
        Assert.True(numbered.IsNumbered && archive.IsNumbered && !classic.IsNumbered);
        Assert.Equal(numbered.Names.Order(StringComparer.Ordinal), archive.Names.Order(StringComparer.Ordinal));
        Assert.Equal(classic.Names.Count, numbered.Names.Count);
        var positions = new Dictionary<string, int> { ["kernel"] = 0, ["bias"] = 1, ["gamma"] = 0, ["beta"] = 1, ["moving_mean"] = 2, ["moving_variance"] = 3 };
        foreach (string array in classic.Names)
        {
            int slash = array.LastIndexOf('/');
            string number = $"{array[..slash]}/{positions[array[(slash + 1)..]]}";
            Assert.Equal(classic.ShapeOf(array), numbered.ShapeOf(number));
            Assert.Equal(classic.Read(array), numbered.Read(number));
            Assert.Equal(classic.Read(array), archive.Read(number));
        }
    }

    [Theory]
    [InlineData("small_resnet_adam")]
    [InlineData("small_vgg_unfrozen_sgdm")]
    public void Kernels_of_the_Theano_backend_are_rotated(string name)
    {
        KerasHdf5 tensorflow = KerasHdf5.Open(WholeModel("keras2_theano", $"{name}.h5")), theano = KerasHdf5.Open(WholeModel("keras2_theano", $"{name}.theano.h5"));
        Assert.Equal("theano", theano.Backend);
        Assert.Equal("tensorflow", tensorflow.Backend);
        Assert.Equal(tensorflow.Names.Order(StringComparer.Ordinal), theano.Names.Order(StringComparer.Ordinal));
        foreach (string array in tensorflow.Names)
            Assert.Equal(tensorflow.Read(array), theano.Read(array));
    }

    [Fact]
    public void Convolution_kernels_of_Keras_become_the_engine_s()
    {
        // [R=1,S=2,I=1,O=3] to [O,R,S,I]
        Assert.Equal([1, 4, 2, 5, 3, 6], new WeightName("w", WeightLayout.ConvHwio).Convert([1, 2, 3, 4, 5, 6], new Shape(3, 1, 2, 1)));
    }

    [Theory]
    [InlineData("<html><body>404 Not Found</body></html>", "HTML")]
    [InlineData("", "is empty")]
    [InlineData("some text that is no HDF5 at all, and long enough to have a superblock's length", "not an HDF5 file")]
    public void What_is_no_HDF5_is_refused_and_named(string text, string words)
    {
        using var files = new TemporaryFiles();
        string path = files.Write("weights.h5", System.Text.Encoding.UTF8.GetBytes(text));
        string message = Assert.Throws<GraftException>(() => KerasHdf5.Open(path)).Message;
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.Contains(path, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_file_is_refused_with_both_lengths()
    {
        using var files = new TemporaryFiles();
        byte[] whole = File.ReadAllBytes(WholeModel("keras3", "small_resnet_adam.h5"));
        foreach (int length in new[] { 30, 100, whole.Length / 2, whole.Length - 1 })
        {
            string message = Assert.Throws<GraftException>(() => KerasHdf5.Open(files.Write("cut.h5", whole.AsSpan(0, length)))).Message;
            Assert.Contains("truncated", message, StringComparison.Ordinal);
            Assert.Contains($"{length}", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Zeros_a_zip_of_something_else_and_a_truncated_archive_are_refused_by_name()
    {
        using var files = new TemporaryFiles();
        string Message(string name, byte[] bytes) => Assert.Throws<GraftException>(() => KerasHdf5.Open(files.Write(name, bytes))).Message;
        Assert.Contains("not an HDF5 file (it begins with 0000000000000000", Message("zeros.h5", new byte[4096]), StringComparison.Ordinal);
        byte[] whole = File.ReadAllBytes(WholeModel("keras3", "small_resnet_adam.keras"));
        foreach (int length in new[] { 10, whole.Length / 2, whole.Length - 1 })
            Assert.Contains("damaged or truncated", Message("cut.keras", whole[..length]), StringComparison.Ordinal);
        using var zip = new MemoryStream();
        using (var archive = new System.IO.Compression.ZipArchive(zip, System.IO.Compression.ZipArchiveMode.Create, leaveOpen: true))
            archive.CreateEntry("letter.txt");
        string message = Message("other.keras", zip.ToArray());
        Assert.Contains("'model.weights.h5'", message, StringComparison.Ordinal);
        Assert.Contains("letter.txt", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pickle_of_PyTorch_is_told_from_an_archive_of_Keras()
    {
        string path = GraftShared.Path("reference", "hf", "vision_torch", "tiny_basic", "model.pth");
        Assert.Contains("torch.save", Assert.Throws<GraftException>(() => KerasHdf5.Open(path)).Message, StringComparison.Ordinal);
        Assert.IsType<Graft.Importers.PyTorch.TorchWeights>(Graft.Importers.WeightFiles.Open(path));
    }

    [Fact]
    public void A_damaged_structure_is_an_error_that_names_the_file()
    {
        using var files = new TemporaryFiles();
        byte[] whole = File.ReadAllBytes(WholeModel("keras3", "small_resnet_adam.h5"));
        whole.AsSpan(96, 2000).Fill(0xEE); // the root group's header and name table
        string path = files.Write("damaged.h5", whole);
        Assert.Contains(path, Assert.Throws<GraftException>(() => KerasHdf5.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NaN_in_weights_is_named()
    {
        using var files = new TemporaryFiles();
        string path = WholeModel("keras2_theano", "small_resnet_adam_weights.h5");
        KerasHdf5 good = KerasHdf5.Open(path);
        string array = good.Names.First(n => n.EndsWith("gamma", StringComparison.Ordinal));
        byte[] bytes = File.ReadAllBytes(path), numbers = System.Runtime.InteropServices.MemoryMarshal.AsBytes(good.Read(array).AsSpan()).ToArray();
        int at = bytes.AsSpan().IndexOf(numbers); // contiguous: the numbers stand in the file as they are
        BitConverter.GetBytes(float.NaN).CopyTo(bytes, at);
        KerasHdf5 bad = KerasHdf5.Open(files.Write("nan.h5", bytes));
        string layer = array.Split('/')[^2];
        Shape shape = bad.ShapeOf(array);
        var model = new Sequential(2, 2, shape[0]) { new BatchNormalization { Name = layer } };
        WeightReport report = WeightLoader.Load(model, bad, strict: false);
        Assert.Contains("NaN", Assert.Single(report.Faulty), StringComparison.Ordinal);
        Assert.Contains(array, report.Faulty[0], StringComparison.Ordinal);
    }

    [Fact]
    public void HDF5_that_Keras_did_not_write_is_refused_with_what_it_holds()
    {
        string path = GraftShared.Path("reference", "keras", "layers", "layer_cases.h5");
        Assert.Contains("it holds", Assert.Throws<GraftException>(() => KerasHdf5.Open(path)).Message, StringComparison.Ordinal);
    }
}
