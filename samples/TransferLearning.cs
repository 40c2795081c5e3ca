// Transfer learning in eight steps.
//
//   dotnet run -c Release --project src/Cli -- demo        (paints flowers into graft-demo/images)
//   dotnet run samples/TransferLearning.cs
//
// It needs nothing but the SDK: the ImageNet ResNet comes along. --data FOLDER takes your own photographs, a folder for each class
// in train/ and in validation/; --weights FILE another base: VGG16 or ResNet50 of Keras or torchvision. --epochs N, --output FILE.
#:project ../src/Models/Models.csproj
#:project ../src/Importers/Importers.csproj

using System.Globalization;
using Graft;
using Graft.Importers;
using Graft.Importers.Images;
using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Models;
using Graft.Training;
using Graft.Weights;

const int Size = 160;                                                // rows and columns; more is slower and sharper
string data = Option("--data") ?? Path.Combine("graft-demo", "images");
string output = Option("--output") ?? "model.graft";
int epochs = int.Parse(Option("--epochs") ?? "6", CultureInfo.InvariantCulture);

// 1. Choose a network that has learnt to see on something large, here ImageNet: a million photographs. Its last layers, which
//    tell ImageNet's classes apart, are left out.
// 2. Load its weights, and with them the way in which pixels were prepared when it learnt.
Model pretrained = Option("--weights") is { } file ? Load(WeightFiles.Open(file)) : LoadImageNetResNet18();

// 3. Freeze it: the layers inside keep their weights, and cost no memory for going backwards.
pretrained.Trainable = false;

// 4. Add a head of your own: from features to your classes.
ImageFolder train = Open("train", shuffleSeed: 1), valid = Open("validation", shuffleSeed: null);
var model = new Sequential(Size, Size, 3)
{
    pretrained,
    new GlobalAveragePooling2D(),                                    // a number for each feature, wherever in the image it was seen
    new Dense(256, Activation.ReLU),
    new Dropout(0.3f),                                               // forgets a little in training, so that it does not learn by heart
    new Dense(train.ClassNames.Count, Activation.Softmax),
};
Console.WriteLine(model.Summary());

// 5. Compile: say how to learn (Adam), what is to become small (the loss), and what to report.
model.Compile(new Adam(learningRate: 1e-3f), Loss.CategoricalCrossEntropy(), Metric.Accuracy);

// 6. Train the head.
History history = model.Fit(train, epochs, valid, new FitOptions { Callbacks = [Lines()] });

// 7. Unfreeze the last layers of the base and train again, gently: a hundredth of the learning rate, or what they know is lost. Batch
//    normalization stays frozen: it goes on with the means and variances of ImageNet instead of those of a few batches.
foreach (Layer layer in pretrained.Layers.TakeLast(7).Where(l => l is not BatchNormalization))
    layer.Trainable = true;
model.Compile(new Adam(learningRate: 1e-5f), Loss.CategoricalCrossEntropy(), Metric.Accuracy);
history = model.Fit(train, epochs + 1, valid, new FitOptions { Callbacks = [Lines()], InitialEpoch = epochs, History = history });

// 8. Evaluate on photographs that it has not seen, and save what 'graft predict' needs: weights, class names, preprocessing.
EvaluationResult result = model.Evaluate(valid);
Console.WriteLine(result.Confusion);
model.ClassNames = train.ClassNames;
model.Preprocessing = train.Preprocessing;
ModelFile.Save(model, output, history);
Console.WriteLine($"val_accuracy={result["accuracy"]:F4}");

Model Load(WeightFile weights)
{
    ResNetVariant? variant = ResNet.VariantOf(weights);              // null: no ResNet's names
    Model network = variant is null ? Vgg16.Build(includeTop: false, Size, Size) : ResNet.Build(50, includeTop: false, Size, Size, variant: variant);
    WeightReport report = variant is null ? Vgg16.LoadWeights(network, weights) : ResNet.LoadWeights(network, weights);
    Console.WriteLine($"{weights.Source}: {report.Matched.Count} arrays loaded.");
    return network;
}

Model LoadImageNetResNet18()
{
    string folder = Path.Combine(AppContext.BaseDirectory, "weights");
    Model network = ImageNetResNet18.Build(Size, Size);
    ImageNetResNet18.LoadWeights(network, OnnxWeights.Open(Path.Combine(folder, "ResNet18.onnx")));
    network.Preprocessing = ImageNetResNet18.Preprocess(OnnxWeights.Open(Path.Combine(folder, "ResNetPreprocess.onnx")));
    return network;
}

ImageFolder Open(string part, int? shuffleSeed) => ImageFolder.Open(Path.Combine(data, part), (Size, Size), batchSize: 20, pretrained.Preprocessing!,
    new ImageFolderOptions { Resize = ResizeFilter.Bilinear, ShuffleSeed = shuffleSeed });

LambdaCallback Lines() => new()
{
    EpochEnd = (_, epoch, row) => Console.WriteLine($"Epoch {epoch + 1}  loss {row["loss"]:F4}  accuracy {row["accuracy"]:F4}  val_loss {row["val_loss"]:F4}  val_accuracy {row["val_accuracy"]:F4}"),
};

string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int i && i + 1 < args.Length ? args[i + 1] : null;
