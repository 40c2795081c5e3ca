// Cats or dogs: VGG16 with its ImageNet weights frozen, and a new head that is trained on your photographs.
//
//   dotnet run samples/CatsAndDogs.cs -- --data pets --weights vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5
//
// --data is a folder with two folders of photographs, or with train/ and validation/ that hold two each. Without --weights the file
// that 'graft weights pull vgg16' (or Keras) has downloaded is taken. --epochs N and --output FOLDER are there too.
#:project ../src/Models/Models.csproj
#:project ../src/Importers/Importers.csproj
#:package ScottPlot

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
string weights = Option("--weights") ?? WeightCache.Open().Require("vgg16");
string output = Option("--output") ?? "cats-and-dogs";
int epochs = int.Parse(Option("--epochs") ?? "30", CultureInfo.InvariantCulture);

// The pretrained base, without its classifier: [N,150,150,3] -> [N,4,4,512]. Frozen, it is not changed by training.
Model vgg = Vgg16.Build(includeTop: false, height: 150, width: 150);
Vgg16.LoadWeights(vgg, WeightFiles.Open(weights));
vgg.Trainable = false;

// The new head: the probability of the second class, dogs.
var model = new Sequential(150, 150, 3)
{
    vgg,
    new Flatten(),                                                   // [N,8192]
    new Dense(256, Activation.ReLU),
    new Dense(1, Activation.Sigmoid),
};
Console.WriteLine(model.Summary());

// Photographs, prepared as these weights want them. Where there is no validation/, a fifth of the training photographs is held back.
(string trainFolder, string? validFolder) = ImageFolder.FindSplit(data);
var options = new ImageFolderOptions { LabelKind = LabelKind.Binary, ValidationSplit = validFolder is null ? 0.2 : 0 };
ImageFolder Open(string folder, Subset subset, int? shuffleSeed) => ImageFolder.Open(folder, (150, 150), batchSize: 20, vgg.Preprocessing!,
    options with { Subset = validFolder is null ? subset : Subset.All, ShuffleSeed = shuffleSeed });
ImageFolder train = Open(trainFolder, Subset.Training, shuffleSeed: 1);
ImageFolder valid = Open(validFolder ?? trainFolder, Subset.Validation, shuffleSeed: null);

model.Compile(new RMSprop(learningRate: 2e-5f), Loss.BinaryCrossEntropy(), Metric.Accuracy);
History history = model.Fit(train, epochs, valid, new FitOptions
{
    Callbacks = [new LambdaCallback { EpochEnd = (_, epoch, row) => Console.WriteLine($"Epoch {epoch + 1}/{epochs}  " + string.Join("  ", row.Select(v => $"{v.Key} {v.Value:G4}"))) }],
});

// What is kept: the model with its preprocessing and class names, and the curves.
Directory.CreateDirectory(output);
model.Preprocessing = train.Preprocessing;
model.ClassNames = train.ClassNames;
ModelFile.Save(model, Path.Combine(output, "model.graft"), history);
foreach (bool bold in new[] { false, true })
    ScottPlot.Fonts.AddFontFile("DejaVu Sans", Path.Combine(AppContext.BaseDirectory, "Fonts", "DejaVuSans.ttf"), bold);
ScottPlot.Fonts.Default = "DejaVu Sans";
Plot("accuracy");
Plot("loss");
Console.WriteLine($"val_accuracy={history.Last("val_accuracy"):F4}");

void Plot(string metric)
{
    double[] epoch = [.. history.Epochs.Select(e => e + 1.0)];
    var plot = new ScottPlot.Plot();
    plot.Add.ScatterPoints(epoch, history[metric].ToArray()).LegendText = $"training {metric}";
    plot.Add.ScatterLine(epoch, history[$"val_{metric}"].ToArray()).LegendText = $"validation {metric}";
    plot.Title($"Training and validation {metric}");
    plot.XLabel("epoch");
    plot.ShowLegend();
    plot.SavePng(Path.Combine(output, $"{metric}.png"), 640, 480);
}

string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int i && i + 1 < args.Length ? args[i + 1] : null;
