using Graft.Importers;
using Graft.Models;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>A published network with its classifier: it tells the 1000 classes of ImageNet.</summary>
internal static class FullNetwork
{
    private const int Size = 224, SqueezeNetSize = 227; // what they were trained at; VGG16's dense layers take no other

    /// <summary>Names that predict's --base takes.</summary>
    public static readonly string[] Names = ["vgg16", "resnet50", "squeezenet"];

    /// <summary>Builds a network with its weights and its preprocessing.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="weights">Its weight file, with top; null is the pulled one.</param>
    /// <exception cref="UsageException">No file is named and none was pulled.</exception>
    /// <exception cref="GraftException">The file cannot be read, is another network's, or has no classifier.</exception>
    public static Model Load(string name, string? weights)
    {
        bool isPublished = PulledWeights.AreKnown(name);
        if (weights is null && !isPublished)
            throw new UsageException($"--base {name} needs --weights FILE: Keras's {name} .h5 with top.");
        WeightFile file = WeightFiles.Open(weights ?? PulledWeights.Require(name, top: true));
        if (!file.Names.Any(IsTop))
            throw new GraftException($"{file.Source}: has no classifier (a file without top, as for fine-tuning). Name the file with top{(isPublished ? $"; 'graft weights pull {name} --top' gets it" : "")}.");
        return name switch
        {
            "vgg16" => Loaded(Vgg16.Build(height: Size, width: Size), m => Vgg16.LoadWeights(m, file)),
            "resnet50" => Loaded(ResNet.Build(50, height: Size, width: Size, variant: ResNet.VariantOf(file)), m => ResNet.LoadWeights(m, file)),
            _ => Loaded(SqueezeNet.Build(height: SqueezeNetSize, width: SqueezeNetSize), m => SqueezeNet.LoadWeights(m, file)),
        };
    }

    private static Model Loaded(Model model, Action<Model> load)
    {
        load(model);
        model.Preprocessing = model.RequirePreprocessing().For(new ImageInput(model.Inputs[0].Shape[0], model.Inputs[0].Shape[1], ResizeFilter.Bilinear));
        return model;
    }

    /// <summary>True for a model that gives the classes of ImageNet: 1000 outputs, and no classes of its own.</summary>
    public static bool TellsImageNet(Model model) => model.ClassNames.Count == 0 && model.Outputs[0].Shape.Rank == 1 && model.Outputs[0].Shape[0] == ImageNet.Classes.Count;

    private static bool IsTop(string array) => array.Split('/', '.').Any(part => part is "predictions" or "fc1000" or "fc" or "classifier" or "head" or "conv10");
}
