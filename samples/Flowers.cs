// Five kinds of flowers: ResNet50 with its ImageNet weights frozen, global average pooling, and a new head.
//
//   dotnet run samples/Flowers.cs -- --data flowers --weights resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5
//
// --data is a folder with a folder of photographs for each kind, or with train/ and validation/ that hold them. Without --weights the
// file that 'graft weights pull resnet50' (or Keras) has downloaded is taken. --epochs N and --output FOLDER are there too.
#:project ../src/Models/Models.csproj
#:project ../src/Importers/Importers.csproj

using System.Globalization;
using Graft;
using Graft.Importers;
using Graft.Importers.Downloads;
using Graft.Importers.Images;
using Graft.Layers;
using Graft.Models;
using Graft.Training;
using Graft.Weights;

string data = Option("--data") ?? throw new ArgumentException("--data FOLDER is missing.");
string weights = Option("--weights") ?? WeightCache.Open().Require("resnet50");
string output = Option("--output") ?? "flowers";
int epochs = int.Parse(Option("--epochs") ?? "10", CultureInfo.InvariantCulture);

// Keras has published two ResNet50, and torchvision another: which of them a file belongs to is told by its names.
WeightFile file = WeightFiles.Open(weights);
Model resnet = ResNet.Build(50, includeTop: false, height: 224, width: 224, variant: ResNet.VariantOf(file));   // [N,224,224,3] -> [N,7,7,2048]
ResNet.LoadWeights(resnet, file);
resnet.Trainable = false;

(string trainFolder, string? validFolder) = ImageFolder.FindSplit(data);
var options = new ImageFolderOptions { LabelKind = LabelKind.Categorical, ValidationSplit = validFolder is null ? 0.2 : 0 };
ImageFolder Open(string folder, Subset subset, int? shuffleSeed) => ImageFolder.Open(folder, (224, 224), batchSize: 32, resnet.Preprocessing!,
    options with { Subset = validFolder is null ? subset : Subset.All, ShuffleSeed = shuffleSeed });
ImageFolder train = Open(trainFolder, Subset.Training, shuffleSeed: 1);
ImageFolder valid = Open(validFolder ?? trainFolder, Subset.Validation, shuffleSeed: null);

var model = new Sequential(224, 224, 3)
{
    resnet,
    new GlobalAveragePooling2D(),                                    // [N,2048]
    new Dense(256, Activation.ReLU),
    new Dense(train.ClassNames.Count, Activation.Softmax),           // 5 kinds, 5 probabilities
};
Console.WriteLine(model.Summary());

model.Compile(new Adam(), Loss.CategoricalCrossEntropy(), Metric.Accuracy);
History history = model.Fit(train, epochs, valid, new FitOptions
{
    Callbacks = [new LambdaCallback { EpochEnd = (_, epoch, row) => Console.WriteLine($"Epoch {epoch + 1}/{epochs}  " + string.Join("  ", row.Select(v => $"{v.Key} {v.Value:G4}"))) }],
});

Directory.CreateDirectory(output);
model.Preprocessing = train.Preprocessing;
model.ClassNames = train.ClassNames;
ModelFile.Save(model, Path.Combine(output, "model.graft"), history);
history.Save(Path.Combine(output, "history.csv"));
Console.WriteLine(model.Evaluate(valid).Confusion);
Console.WriteLine($"val_accuracy={history.Last("val_accuracy"):F4}");

string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int i && i + 1 < args.Length ? args[i + 1] : null;
