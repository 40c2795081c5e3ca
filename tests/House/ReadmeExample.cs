using Graft;
using Graft.Importers.Images;
using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Models;
using Graft.Training;
using Graft.Weights;

namespace Outside;

/// <summary>The example of the README, compiled and run; the test beside it holds the README to this text.</summary>
internal static class ReadmeExample
{
    public static void Run()
    {
        Model pretrained = ImageNetResNet18.Build(224, 224);                 // [N,224,224,3] -> [N,7,7,512]
        ImageNetResNet18.LoadWeights(pretrained, OnnxWeights.Open("ResNet18.onnx"));
        Preprocessing preprocess = ImageNetResNet18.Preprocess(OnnxWeights.Open("ResNetPreprocess.onnx"));
        pretrained.Trainable = false;                                        // frozen: leaves nothing on the tape

        var model = new Sequential(224, 224, 3)
        {
            pretrained,
            new GlobalAveragePooling2D(),                                    // [N,512]
            new Dense(256, Activation.ReLU),
            new Dense(1, Activation.Sigmoid),
        };
        Console.WriteLine(model.Summary());

        var options = new ImageFolderOptions { LabelKind = LabelKind.Binary, Resize = ResizeFilter.Bilinear };
        ImageFolder train = ImageFolder.Open("pets/train", (224, 224), batchSize: 32, preprocess, options with { ShuffleSeed = 1 });
        ImageFolder valid = ImageFolder.Open("pets/validation", (224, 224), batchSize: 32, preprocess, options);

        model.Compile(new Adam(learningRate: 1e-3f), Loss.BinaryCrossEntropy(), Metric.Accuracy);
        model.Fit(train, epochs: 5, valid);                                  // 1. the new head only

        foreach (Layer layer in pretrained.Layers)
        {
            if (layer.Name.StartsWith("layer4.2", StringComparison.Ordinal))
                layer.Trainable = true;
        }
        model.Compile(new Adam(learningRate: 1e-5f), Loss.BinaryCrossEntropy(), Metric.Accuracy);
        History history = model.Fit(train, epochs: 2, valid);                // 2. the last block, gently

        Console.WriteLine(history.Last("val_accuracy"));
        ModelFile.Save(model, "pets.graft", history);
    }
}
