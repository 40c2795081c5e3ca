using System.IO.Compression;
using System.Text.Json.Nodes;
using Graft.Weights;
using PureHDF;

namespace Graft.Importers.Keras.Architecture;

/// <summary>The parts of a Keras model on disk, wherever they stand: architecture, weights, what it was compiled with.</summary>
internal sealed class KerasModelFile
{
    private const string ConfigEntry = "config.json", MetadataEntry = "metadata.json", ModelConfig = "model_config", TrainingConfig = "training_config";

    private KerasModelFile(string path) => Path = path;

    /// <summary>The file that was asked for.</summary>
    public string Path { get; }

    /// <summary>class_name and config; null in a file that holds weights alone.</summary>
    public JsonObject? Architecture { get; private set; }

    /// <summary>Where the weights are; null for an architecture alone.</summary>
    public Hdf5Source? Weights { get; private set; }

    /// <summary>What compile() was given: compile_config of Keras 3, training_config before; null where it was not compiled.</summary>
    public JsonObject? Training { get; private set; }

    /// <summary>"keras archive", "HDF5 model", "HDF5 weights", "JSON".</summary>
    public string Format { get; private set; } = "";

    /// <summary>The backend, where the architecture says it.</summary>
    public string? Backend { get; private set; }

    /// <summary>The version of Keras that wrote the architecture; null in files of early Keras 1.</summary>
    public string? Version { get; private set; }

    /// <summary>Reads a file of any of the formats, told by its content.</summary>
    /// <exception cref="GraftException">It is missing, damaged, or of another kind.</exception>
    public static KerasModelFile Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException(Directory.Exists(path)
                ? $"{path}: is a folder; a file of Keras is due here (.keras, .h5 or the JSON of model.to_json()). TensorFlow's SavedModel is not read: in Keras, load it and save it as .keras."
                : $"{path}: no such file; a file of Keras is due here (.keras, .h5, .weights.h5 or the JSON of model.to_json()).");
        var head = new FileHead(path);
        var file = new KerasModelFile(path);
        if (head.IsZip)
            file.ReadArchive();
        else if (head.IsBrace || head.Bytes.StartsWith("\""u8))
            file.ReadJson();
        else
            file.ReadHdf5();
        return file;
    }

    /// <summary>Weights from here, architecture from another file.</summary>
    /// <exception cref="GraftException">The other file has no architecture, or this one no weights.</exception>
    public KerasModelFile WithArchitectureOf(KerasModelFile other) => new(Path)
    {
        Weights = Weights ?? throw new GraftException($"{Path}: holds an architecture and no weights; name the weight file first and the architecture second."),
        Architecture = other.Architecture ?? throw new GraftException($"{other.Path}: holds no architecture (class_name and config); the JSON of model.to_json() is due here."),
        Training = Training ?? other.Training,
        Version = Version ?? other.Version,
        Backend = Backend ?? other.Backend,
        Format = $"{Format} and {other.Format}",
    };

    private void ReadArchive()
    {
        Format = "Keras archive";
        Weights = Hdf5Source.Open(Path); // refuses zips of other kinds, and damaged ones
        using ZipArchive zip = ZipFile.OpenRead(Path);
        JsonObject config = KerasJsonText.Parse(ZipParts.Text(zip, Path, ConfigEntry) ?? throw new GraftException($"{Path}: is a zip without '{ConfigEntry}'; a .keras file has one."), $"{Path}, {ConfigEntry} inside");
        Architecture = config;
        Training = config["compile_config"] as JsonObject;
        if (ZipParts.Text(zip, Path, MetadataEntry) is { } metadata)
            Version = (string?)KerasJsonText.Parse(metadata, $"{Path}, {MetadataEntry} inside")["keras_version"];
    }

    private void ReadJson()
    {
        Format = "JSON";
        JsonObject json = KerasJsonText.Parse(File.ReadAllText(Path), Path);
        Architecture = json["model_config"] as JsonObject ?? json;
        Training = json["compile_config"] as JsonObject ?? json["training_config"] as JsonObject;
        ReadOrigin(Architecture);
        ReadOrigin(json);
    }

    private void ReadHdf5()
    {
        Weights = Hdf5Source.Open(Path);
        string? model = null, training = null;
        Weights.Read(root =>
        {
            model = KerasCatalog.Text(root, ModelConfig);
            training = KerasCatalog.Text(root, TrainingConfig);
            foreach (IH5Object holder in root.LinkExists("model_weights") ? [root, root.Group("model_weights")] : new[] { root })
            {
                Version ??= KerasCatalog.Text(holder, "keras_version");
                Backend ??= KerasCatalog.Text(holder, "backend");
            }
            return true;
        });
        Format = model is null ? "HDF5 weights" : "HDF5 model";
        Architecture = model is null ? null : KerasJsonText.Parse(model, $"{Path}, attribute {ModelConfig}");
        Training = training is null ? null : KerasJsonText.Parse(training, $"{Path}, attribute {TrainingConfig}");
        if (Architecture is not null)
            ReadOrigin(Architecture);
    }

    private void ReadOrigin(JsonObject json)
    {
        Version ??= json["keras_version"] is JsonValue version ? version.ToString() : null;
        Backend ??= json["backend"] is JsonValue backend ? backend.ToString() : null;
    }
}
