using Graft.Importers;
using Graft.Importers.HuggingFace;
using Graft.Importers.Inspection;
using Graft.Models;

namespace Graft.Cli;

/// <summary>What --model points to: the folder that finetune wrote stands for the model in it, and one of another kind is refused as what it is.</summary>
internal static class ModelPath
{
    private const string SavedName = "model.graft", NoteName = "finetune.json";

    /// <summary>model.graft in a folder of finetune; else what was named, a file or the folder of a model of texts.</summary>
    public static string Of(string path) => !File.Exists(Path.Combine(path, HuggingFaceFolder.ConfigName)) && File.Exists(Saved(path)) ? Saved(path) : path;

    /// <summary>The file of a model that is no model of texts.</summary>
    /// <param name="path">What was named.</param>
    /// <param name="ofTexts">What to do with a folder of texts, as the end of a sentence.</param>
    /// <exception cref="GraftException">It is the folder of something else.</exception>
    public static string FileOf(string path, string ofTexts)
    {
        if (!Directory.Exists(path))
            return path;
        return File.Exists(Saved(path)) ? Saved(path) : throw new GraftException($"{path}: {Describe(path, ofTexts)}");
    }

    /// <summary>The .graft file of a model of photographs.</summary>
    /// <param name="path">What was named: the file, or the folder of finetune.</param>
    /// <param name="command">Who asks.</param>
    /// <param name="ofTexts">What to do with a folder of texts, as the end of a sentence.</param>
    /// <exception cref="GraftException">It is something else.</exception>
    public static string GraftFileOf(string path, string command, string ofTexts)
    {
        string file = FileOf(path, ofTexts);
        if (Path.GetExtension(file) == ".graft" || !File.Exists(file) || ModelFiles.IsGraft(file))
            return file; // what is wrong with it is told where it is read
        throw new GraftException($"{file}: is a file of another program ({FileInspector.Open(file).Format}); {command} takes .graft files, which say how photographs are read and what the outputs are called. "
            + "'graft run' computes models of Keras and ONNX on arrays, 'graft serve' answers for them, and 'graft finetune --base' makes a .graft file on them.");
    }

    /// <summary>The folder of a model of texts, or of a published one that was downloaded.</summary>
    /// <param name="path">What was named.</param>
    /// <param name="ofAdapter">What to do with the folder of an adapter, as the end of a sentence.</param>
    /// <exception cref="GraftException">It is the folder of something else.</exception>
    public static string FolderOf(string path, string ofAdapter)
    {
        string folder = PulledWeights.FolderOf(path);
        if (!Directory.Exists(folder) || File.Exists(Path.Combine(folder, HuggingFaceFolder.ConfigName)))
            return folder;
        if (File.Exists(Path.Combine(folder, PeftAdapter.ConfigName)))
            throw new GraftException($"{path}: is the folder of a LoRA adapter, not of a whole model; {ofAdapter}.");
        if (File.Exists(Saved(folder)))
            throw new GraftException($"{path}: holds {SavedName}, which is no model of texts; the folder of one is due here, as finetune-text writes it or Hugging Face has it.");
        return folder;
    }

    /// <summary>What a folder without model.graft is, and what is due.</summary>
    private static string Describe(string path, string ofTexts)
    {
        if (File.Exists(Path.Combine(path, HuggingFaceFolder.ConfigName)))
            return $"is the folder of a {(Gpt2Config.Open(path).ClassNames.Count > 0 ? "classifier of texts" : "language model")}; {ofTexts}.";
        if (File.Exists(Path.Combine(path, PeftAdapter.ConfigName)))
            return "is the folder of a LoRA adapter of a language model; a .graft file, or the folder that finetune wrote it to, is due here.";
        if (File.Exists(Path.Combine(path, NoteName)))
            return $"holds a training that has not come to its end, and no {SavedName} yet; go on with it by 'graft finetune' with the options of then and --resume.";
        return $"is a folder without {SavedName}; a .graft file, or the folder that finetune wrote it to, is due here.";
    }

    private static string Saved(string folder) => Path.Combine(folder, SavedName);
}
