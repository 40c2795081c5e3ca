using System.Text;
using Graft.Adapters;
using Graft.Importers.Safetensors;
using Graft.Layers;
using Graft.Weights;

namespace Graft.Importers.HuggingFace;

/// <summary>A folder with a LoRA adapter as PEFT writes it: adapter_config.json beside adapter_model.safetensors, or adapter_model.bin.</summary>
/// <remarks>
/// Source: huggingface/peft, utils/save_and_load.py. Weights are "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight" [r,in] and
/// "...lora_B.weight" [out,r], PyTorch's Linear also where the base is Conv1D.
/// </remarks>
public sealed class PeftAdapter
{
    /// <summary>Name of the file that says what the adapter is.</summary>
    public const string ConfigName = "adapter_config.json";

    private const string WeightsName = "adapter_model.safetensors", OlderWeightsName = "adapter_model.bin", Prefix = "base_model.model.", Body = "transformer.";

    private PeftAdapter(string path, string weightsPath, LoraConfig config, string? baseModel, string? taskType)
    {
        (Path, WeightsPath, Config, BaseModel, TaskType) = (path, weightsPath, config, baseModel, taskType);
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The weight file that is read.</summary>
    public string WeightsPath { get; }

    /// <summary>Which modules have an adapter, of what rank.</summary>
    public LoraConfig Config { get; }

    /// <summary>base_model_name_or_path: what the adapter was trained on; a folder, or a name on the hub. Null where it is not said.</summary>
    public string? BaseModel { get; }

    /// <summary>task_type: "CAUSAL_LM" for language models; null where it is not said.</summary>
    public string? TaskType { get; }

    /// <summary>Reads the config and finds the weights.</summary>
    /// <exception cref="GraftException">A file is missing or damaged, or the config sets what is not computed here.</exception>
    public static PeftAdapter Open(string path) => FileErrors.Named(path, "cannot be read as an adapter of PEFT", () => Read(path));

    private static PeftAdapter Read(string path)
    {
        if (!Directory.Exists(path))
            throw new GraftException(File.Exists(path) ? $"{path}: is a file; the folder around it is due here." : $"{path}: no such folder; one with {ConfigName} and {WeightsName} is due here.");
        string config = System.IO.Path.Combine(path, ConfigName);
        if (!File.Exists(config))
            throw new GraftException($"{config}: no such file; the folder of an adapter of PEFT has it beside the weights.{(HuggingFaceFolder.IsOne(path) ? " This is the folder of a whole model." : "")}");
        (LoraConfig settings, string? baseModel, string? taskType) = PeftConfig.Open(config);
        string weights = new[] { WeightsName, OlderWeightsName }.Select(n => System.IO.Path.Combine(path, n)).FirstOrDefault(File.Exists)
            ?? throw new GraftException($"{path}: has neither {WeightsName} nor {OlderWeightsName}; the weights of the adapter are missing. Download them too.");
        return new PeftAdapter(path, weights, settings, baseModel, taskType);
    }

    /// <summary>True for a folder with an adapter_config.json.</summary>
    internal static bool IsOne(string path) => File.Exists(System.IO.Path.Combine(path, ConfigName));

    /// <summary>The folder of the base, where <see cref="BaseModel"/> names one that is there: by itself, or beside the adapter.</summary>
    /// <exception cref="GraftException">It does not.</exception>
    public string RequireBase()
    {
        if (string.IsNullOrEmpty(BaseModel))
            throw new GraftException($"{System.IO.Path.Combine(Path, ConfigName)}: does not say which model the adapter is for (base_model_name_or_path); name its folder.");
        return new[] { BaseModel, System.IO.Path.Combine(Path, BaseModel) }.FirstOrDefault(HuggingFaceFolder.IsOne)
            ?? throw new GraftException($"{System.IO.Path.Combine(Path, ConfigName)}: names '{BaseModel}' as the model that the adapter is for, and no folder of a model is there; name the folder that holds it.");
    }

    /// <summary>Puts the adapter on a model and freezes all else; where it does not fit, nothing is changed.</summary>
    /// <exception cref="GraftException">The model has no such layers, or weights are missing, left over, of another shape, or not finite: all of it is listed.</exception>
    public IReadOnlyList<LoraModule> AttachTo(Model model) => FileErrors.Named(Path, "cannot be read as an adapter of PEFT", () =>
    {
        WeightFile weights = WeightFiles.Open(WeightsPath);
        HashSet<string> names = [.. weights.Names];
        return Lora.Attach(model, Config, weights, (module, parameter) =>
        {
            string name = NameOf(module, parameter), bodyName = name.Replace(Prefix + Body, Prefix, StringComparison.Ordinal);
            return new WeightName(names.Contains(name) || !names.Contains(bodyName) ? name : bodyName, WeightLayout.DenseTransposed); // of GPT2Model, which has no head
        });
    });

    /// <summary>
    /// Writes the adapters of a model. Weights first: a folder that is broken off has no config that names them. What lies there under these names is
    /// replaced, each when it is whole.
    /// </summary>
    /// <param name="path">The folder; it is made if it is not there.</param>
    /// <param name="model">The model; its own weights are not written.</param>
    /// <param name="config">What was attached.</param>
    /// <param name="baseModel">Folder or name of the model that the adapters are for; null says nothing.</param>
    /// <param name="taskType">What PEFT takes the model for; null says nothing.</param>
    /// <exception cref="GraftException">The model has no adapters, others than the config says, or the files cannot be written.</exception>
    public static void Save(string path, Model model, LoraConfig config, string? baseModel = null, string? taskType = "CAUSAL_LM")
    {
        Lora.Check(model, config);
        IReadOnlyList<LoraModule> modules = Lora.Modules(model);
        Directory.CreateDirectory(path);
        SafetensorsWriter.Save(System.IO.Path.Combine(path, WeightsName), modules.SelectMany(m => new[] { m.Adapter.A, m.Adapter.B }.Select(p => (new WeightName(NameOf(m, p), WeightLayout.DenseTransposed), p))));
        WholeFile.Write(System.IO.Path.Combine(path, ConfigName), stream => stream.Write(Encoding.UTF8.GetBytes(PeftConfig.Write(config, modules, baseModel, taskType))));
    }

    private static string NameOf(LoraModule module, Parameter parameter) => $"{Prefix}{module.Name}.{parameter.Name}.weight";
}
