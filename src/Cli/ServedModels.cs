using System.CommandLine;
using System.Text.RegularExpressions;
using Graft.Cli.Commands;
using Graft.Importers.Text;
using Graft.Kernels;
using Graft.Models;
using Graft.Serving;

namespace Graft.Cli;

/// <summary>The model that 'graft serve' answers for: whatever predict, run and generate take, and the options that say which.</summary>
internal sealed partial class ServedModels
{
    private const string Int8 = "int8"; // of weights; all else are precisions of products too

    private readonly Option<string?> _model = new("--model") { Description = "A .graft file or the folder that finetune wrote it to, a Keras model (.keras, .h5), an ONNX model, or the folder of a language model or of a classifier of texts." };
    private readonly Option<string?> _network = new("--base") { Description = "Instead of --model, a published network with its 1000 ImageNet classes: vgg16, resnet50 or squeezenet." };
    private readonly Option<string?> _weights = new("--weights") { Description = "Weight file of --base, with its classifier (top); by default the one that 'graft weights pull NAME --top' downloaded." };
    private readonly Option<string?> _architecture = new("--architecture") { Description = "Where --model holds weights alone: the JSON of Keras's model.to_json()." };
    private readonly Option<string[]> _shape = InputShapeOption.Create();
    private readonly Option<string?> _adapter = new("--adapter") { Description = "Folder of a LoRA adapter as PEFT has it, for a language model; without --model, the model that the adapter names is loaded." };
    private readonly Option<bool> _exif = new("--exif") { Description = EvaluateCommand.ExifDescription };
    private readonly Option<string> _precision = new("--precision")
    {
        DefaultValueFactory = _ => ComputePrecision.Float32.Word(),
        Description = "Of a language model, how weights are stored: float32, bf16 or int8. Of others, the precision of products: float32; on a GPU also tf32, bf16 or fp16.",
    };

    /// <summary>The options.</summary>
    public ServedModels()
    {
        _network.AcceptOnlyFromAmong(FullNetwork.Names);
        _precision.AcceptOnlyFromAmong([.. Enum.GetValues<ComputePrecision>().Select(p => p.Word()), Int8]);
    }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _model, _network, _weights, _architecture, _shape, _adapter, _exif, _precision })
            command.Add(option);
    }

    /// <summary>The name of the file or folder that is meant, as it can stand in a path.</summary>
    public string NameOf(ParseResult parsed)
    {
        string path = Path.TrimEndingDirectorySeparator(parsed.GetValue(_network) ?? parsed.GetValue(_model) ?? parsed.GetValue(_adapter) ?? "");
        string name = Directory.Exists(path) ? Path.GetFileName(Path.GetFullPath(path)) : Path.GetFileNameWithoutExtension(path);
        return Unfit().Replace(name, "-") is { Length: > 0 } fit ? fit : "model";
    }

    /// <summary>Opens it.</summary>
    /// <exception cref="UsageException">None is named, or options do not go together.</exception>
    /// <exception cref="GraftException">It cannot be read.</exception>
    public ServedModel Open(ParseResult parsed, Terminal terminal)
    {
        Partners.Refuse(parsed, parsed.GetValue(_network) is null, "goes with --base", _weights);
        if (parsed.GetValue(_network) is { } network)
        {
            if (parsed.GetValue(_model) is not null)
                throw new UsageException("serve takes either --model or --base NAME.");
            return Images(parsed, terminal, terminal.Own(FullNetwork.Load(network, parsed.GetValue(_weights))));
        }
        if (parsed.GetValue(_model) is null && parsed.GetValue(_adapter) is null)
            throw new UsageException("serve takes --model: a .graft, .keras, .h5 or .onnx file, or the folder of a language model; or --base NAME, or --adapter DIR.");
        string path = TextModelFolder.Choose(parsed.GetValue(_model) is { } named ? ModelPath.Of(named) : null, parsed.GetValue(_adapter), "serve");
        if (Directory.Exists(path) || parsed.GetValue(_adapter) is not null)
            return Texts(parsed, terminal, path);
        (Model model, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs) = OpenedModel.Of(terminal, path, parsed.GetValue(_architecture), InputShapeOption.Read(parsed, _shape));
        if (TellsImages(model))
            return Images(parsed, terminal, model);
        Compute(parsed, terminal, model);
        return new NumericModel(model, inputs, outputs);
    }

    private static bool TellsImages(Model model) => model.Inputs.Count == 1 && model.Outputs.Count == 1 && model.Outputs[0].Shape.Rank == 1
        && model.Preprocessing?.Input is { } input && input.Shape.Equals(model.Inputs[0].Shape) && (model.ClassNames.Count > 0 || FullNetwork.TellsImageNet(model));

    private ImageClassifier Images(ParseResult parsed, Terminal terminal, Model model)
    {
        model.Preprocessing = EvaluateCommand.Reading(model, parsed.GetValue(_exif));
        Compute(parsed, terminal, model);
        return new ImageClassifier(model);
    }

    private ServedModel Texts(ParseResult parsed, Terminal terminal, string folder)
    {
        Gpt2Config config = Gpt2Config.Open(folder);
        ITokenizer tokenizer = TextTokenizers.Open(folder);
        if (config.ClassNames.Count > 0)
        {
            Model classifier = TextModelFolder.Load(folder, config, terminal);
            Compute(parsed, terminal, classifier);
            return new TextClassifier((Gpt2Classifier)classifier, tokenizer);
        }
        Gpt2 gpt = TextModelFolder.Load(folder, parsed.GetValue(_adapter), terminal);
        gpt.Precision = parsed.GetRequiredValue(_precision) switch
        {
            "float32" => WeightPrecision.Float32,
            "bf16" => WeightPrecision.BFloat16,
            Int8 => WeightPrecision.Int8,
            string other => throw new UsageException($"--precision {other}: a language model's weights are stored as float32, bf16 or int8."),
        };
        return new TextGenerator(gpt, tokenizer, TextModelFolder.Decoding(folder, gpt, tokenizer, new GenerationOptions()));
    }

    private void Compute(ParseResult parsed, Terminal terminal, Model model)
    {
        if (parsed.GetRequiredValue(_precision) == Int8)
            throw new UsageException("--precision int8 is for the weights of language models; this model computes in float32, on a GPU also in tf32, bf16 or fp16.");
        model.PlanOptions = model.PlanOptions with { Precision = PrecisionOption.Read(parsed, _precision, terminal) };
    }

    [GeneratedRegex("[^A-Za-z0-9._-]")]
    private static partial Regex Unfit();
}
