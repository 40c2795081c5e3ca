using Graft.Importers;
using Graft.Models;
using Graft.Training;
using Graft.Weights;

namespace Graft.Cli;

/// <summary>A published network with its classifier: it tells the 1000 classes of ImageNet.</summary>
internal static class FullNetwork
{
    private const int Size = 224; // what the dense layers behind VGG16's Flatten were trained for

    /// <summary>Names that predict's --base takes.</summary>
    public static readonly string[] Names = ["vgg16", "resnet50"];

    /// <summary>Builds a network with its weights and its preprocessing.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="weights">Its weight file, with top; null is the pulled one.</param>
    /// <exception cref="UsageException">No file is named and none was pulled.</exception>
    /// <exception cref="GraftException">The file cannot be read, is another network's, or has no classifier.</exception>
    public static Model Load(string name, string? weights)
    {
        WeightFile file = WeightFiles.Open(weights ?? PulledWeights.Require(name, top: true));
        if (!file.Names.Any(IsTop))
            throw new GraftException($"{file.Source}: has no classifier (a file without top, as for fine-tuning). Name the file with top; 'graft weights pull {name} --top' gets it.");
        Model model = name == "vgg16" ? Vgg16.Build(height: Size, width: Size) : ResNet.Build(50, height: Size, width: Size, variant: ResNet.VariantOf(file));
        if (name == "vgg16")
            Vgg16.LoadWeights(model, file);
        else
            ResNet.LoadWeights(model, file);
        model.Preprocessing = model.Preprocessing!.For(new ImageInput(Size, Size, ResizeFilter.Bilinear));
        return model;
    }

    /// <summary>True for a model that gives the classes of ImageNet: 1000 outputs, and no classes of its own.</summary>
    public static bool TellsImageNet(Model model) => model.ClassNames.Count == 0 && model.Outputs[0].Shape.Rank == 1 && model.Outputs[0].Shape[0] == ImageNet.Classes.Count;

    private static bool IsTop(string array) => array.Split('/', '.').Any(part => part is "predictions" or "fc1000" or "fc" or "classifier" or "head");
}
