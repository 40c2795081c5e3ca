using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Adapters;
using Graft.Importers.Hdf5;
using Graft.Importers.Keras.Export;
using Graft.Weights;

namespace Graft.Importers.Keras;

/// <summary>Writes whole models as Keras saves them: graph, weights, and what they were compiled with.</summary>
/// <remarks>
/// What Keras cannot hold is refused by name before a byte is written; what training alone feels is noted. The file appears under its name when it is whole, and
/// one that was there before survives any failure. docs/export.md says what is kept.
/// </remarks>
/// <example><code>
/// KerasExport.SaveArchive(model, "model.keras");     // keras.saving.load_model("model.keras") goes on training there
/// KerasExport.SaveHdf5(model, "model.h5");           // for Keras 2 and tf.keras
/// </code></example>
public static class KerasExport
{
    /// <summary>Writes a .keras archive of Keras 3: config.json, metadata.json and model.weights.h5, stored.</summary>
    /// <returns>What is not kept, or is otherwise in Keras's training.</returns>
    /// <exception cref="GraftException">Keras has not such a layer or attribute, or the file cannot be written: the old one is untouched.</exception>
    public static IReadOnlyList<string> SaveArchive(Model model, string path)
    {
        List<string> notes = [];
        (JsonObject config, KerasTrainingWriter? training) = Describe(KerasDialect.Three, ref model, path, notes);
        if (training is not null)
            config["compile_config"] = training.Config();
        Hdf5Group root = new();
        new KerasNumberedWeights(KerasDialect.Three).Write(root, model);
        training?.WriteNumbered(root.Group("optimizer"));
        var metadata = new JsonObject
        {
            ["keras_version"] = KerasDialect.Three.Version, ["date_saved"] = DateTime.UtcNow.ToString("yyyy-MM-dd@HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture),
        };
        WholeFile.Write(path, stream =>
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            Add(zip, "metadata.json", entry => entry.Write(Encoding.UTF8.GetBytes(metadata.ToJsonString())));
            Add(zip, "config.json", entry => entry.Write(Encoding.UTF8.GetBytes(config.ToJsonString())));
            Add(zip, "model.weights.h5", entry => Hdf5Writer.Write(entry, root));
        });
        return notes;
    }

    /// <summary>Writes a whole model as HDF5: model_config, model_weights, training_config and optimizer_weights.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file.</param>
    /// <param name="generation">2 for the form of Keras 2, which tf.keras and Keras 3 read too; 3 for that of Keras 3's own .h5 files.</param>
    /// <inheritdoc cref="SaveArchive"/>
    public static IReadOnlyList<string> SaveHdf5(Model model, string path, int generation = 2)
    {
        KerasDialect dialect = generation switch
        {
            2 => KerasDialect.Two,
            3 => KerasDialect.ThreeInHdf5,
            _ => throw new ArgumentOutOfRangeException(nameof(generation), generation, "Keras's HDF5 files are written as those of Keras 2 or 3."),
        };
        List<string> notes = [];
        (JsonObject config, KerasTrainingWriter? training) = Describe(dialect, ref model, path, notes);
        Hdf5Group root = new();
        root.Add(Label(dialect, "backend", "tensorflow"));
        root.Add(Label(dialect, "keras_version", dialect.Version));
        root.Add(Hdf5Attribute.Ascii("model_config", config.ToJsonString()));
        if (training is not null)
            root.Add(Hdf5Attribute.Ascii("training_config", training.Config().ToJsonString()));
        new KerasNamedWeights(dialect, model).Write(root.Group("model_weights"));
        training?.WriteNamed(root.Group("optimizer_weights"));
        WholeFile.Write(path, stream => Hdf5Writer.Write(stream, root));
        return notes;
    }

    private static (JsonObject Config, KerasTrainingWriter? Training) Describe(KerasDialect dialect, ref Model model, string path, List<string> notes)
    {
        if (Lora.Modules(model) is { Count: > 0 } modules)
            throw new GraftException($"{path}: layer '{modules[0].Name}' has a LoRA adapter, and {modules.Count - 1} more have; Keras's layers have none. Merge them (Lora.Merge, then Lora.Detach; graft merge-adapter) and export again.");
        var layers = new KerasLayerWriter(dialect, path);
        model = layers.OwnBorders.SetApart(model);
        JsonObject config = layers.Layer(model);
        var training = KerasTrainingWriter.Of(dialect, model, notes);
        notes.AddRange(KerasNotes.Of(dialect, model));
        return (config, training);
    }

    private static Hdf5Attribute Label(KerasDialect dialect, string name, string text) => dialect.IsThree ? Hdf5Attribute.Utf8(name, text) : Hdf5Attribute.Ascii(name, text);

    private static void Add(ZipArchive zip, string name, Action<Stream> write)
    {
        using Stream entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        write(entry);
    }
}
