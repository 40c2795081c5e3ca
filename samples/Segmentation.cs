// A class for each pixel, in five steps: pictures and masks, a network that goes down and up again (U-Net), training, what is right of each class,
// and a picture of what the network says.
//
//   dotnet run samples/Segmentation.cs
//
// The pictures are painted: leaves and stones on grass. With photographs of your own: --photographs FOLDER --masks FOLDER --classes background,leaf,stone.
// --epochs N and --output FOLDER are there as well. Here all layers learn from the start; docs/recipes.md shows the same on a pretrained base that is frozen.
#:project ../src/Models/Models.csproj
#:project ../src/Importers/Importers.csproj

using System.Globalization;
using Graft;
using Graft.Importers.Images;
using Graft.Layers;
using Graft.Models;
using Graft.Training;
using Graft.Weights;
using SkiaSharp;

const int Side = 96;
string output = Option("--output") ?? "segmentation";
string photographs = Option("--photographs") ?? Path.Combine(output, "photographs"), masks = Option("--masks") ?? Path.Combine(output, "masks");
string[] classes = (Option("--classes") ?? "grass,leaf,stone").Split(',');
int epochs = int.Parse(Option("--epochs") ?? "8", CultureInfo.InvariantCulture);

// 1. Photographs, and for each a mask of the same name whose pixels are the numbers of classes.
if (Option("--photographs") is null)
    PaintSet(photographs, masks, count: 160);
ImageFolderOptions options = new() { LabelKind = LabelKind.Sparse, Resize = ResizeFilter.Bilinear, ValidationSplit = 0.25 };
ImageMasks Open(ImageFolderOptions how) => ImageMasks.Open(photographs, masks, classes, (Side, Side), batchSize: 8, Preprocessing.Torch, how);
ImageMasks train = Open(options with { Subset = Subset.Training, ShuffleSeed = 1, Augmentation = new Augmentation { HorizontalFlip = true, VerticalFlip = true } });
ImageMasks valid = Open(options with { Subset = Subset.Validation });

// 2. Down: ResNet18 without its head. Up: twice the size each time, beside what the base knew at that size.
Model encoder = ResNet.Build(18, includeTop: false, height: Side, width: Side, variant: ResNetVariant.Torch);   // [N,96,96,3] -> [N,3,3,512]
Node x = encoder.Outputs[0];
int filters = 128;
foreach (string skip in new[] { "layer3.1.relu", "layer2.1.relu", "layer1.1.relu", "relu" })                     // 6, 12, 24, 48 pixels a side
{
    x = new Concatenate().Apply(new UpSampling2D().Apply(x), encoder.GetNode(skip));
    x = new Conv2D(filters, 3) { Padding = Padding.Same, UseBias = false }.Apply(x);
    x = new ReLU().Apply(new BatchNormalization().Apply(x));
    filters = Math.Max(32, filters / 2);
}
x = new Conv2D(classes.Length, 1) { Name = "logits" }.Apply(new UpSampling2D().Apply(x));
var model = new Model(encoder.Inputs[0], x, "unet");                                                            // [N,96,96,classes]
model.SetSeed(1);

// 3. The loss of each pixel; watched: the share of right pixels, and intersection over union, which a large background does not hide.
model.Compile(new Adam(1e-3f), Loss.SparseCategoricalCrossEntropy(fromLogits: true), Metric.Accuracy, Metric.MeanIoU);
History history = model.Fit(train, epochs, valid, new FitOptions
{
    Callbacks = [new LambdaCallback { EpochEnd = (_, epoch, row) => Console.WriteLine($"Epoch {epoch + 1}/{epochs}  " + string.Join("  ", row.Select(v => $"{v.Key} {v.Value.ToString("G4", CultureInfo.InvariantCulture)}"))) }],
});

// 4. Each class by itself: its share of intersection over union, and which classes are taken for which, in pixels.
EvaluationResult result = model.Evaluate(valid, keepPredictions: true);
for (int c = 0; c < classes.Length; c++)
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{classes[c],-12} IoU {result.Confusion!.IoU(c):F3}"));
Console.WriteLine(result.Confusion);

// 5. Saved with how photographs are read; and the first of them, with what the network says of each pixel laid over it.
Directory.CreateDirectory(output);
model.Preprocessing = valid.Preprocessing;
model.ClassNames = classes;
ModelFile.Save(model, Path.Combine(output, "model.graft"), history);
WriteOverlays(valid.Files.Take(6), result.Predictions!, Path.Combine(output, "overlays.png"));
Console.WriteLine($"{Path.Combine(output, "overlays.png")} shows photographs above, and what is said of their pixels below.");
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"val_mean_iou={history.Last("val_mean_iou"):F4}"));

string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int i && i + 1 < args.Length ? args[i + 1] : null;

void WriteOverlays(IEnumerable<string> files, float[][] outputs, string path)
{
    SKColor[] tints = [SKColors.Transparent, new(255, 60, 60, 150), new(60, 90, 255, 150), new(255, 220, 0, 150), new(0, 220, 220, 150), new(220, 0, 220, 150)];
    string[] shown = [.. files];
    using var sheet = new SKBitmap(Side * shown.Length, 2 * Side);
    using (var canvas = new SKCanvas(sheet))
    {
        for (int i = 0; i < shown.Length; i++)
        {
            using SKBitmap photograph = SKBitmap.Decode(shown[i]);
            byte[] said = PixelClasses.Of(model, outputs[i]);
            using var tint = new SKBitmap(Side, Side);
            for (int p = 0; p < said.Length; p++)
                tint.SetPixel(p % Side, p / Side, tints[said[p] % tints.Length]);
            for (int row = 0; row < 2; row++)
                canvas.DrawBitmap(photograph, new SKRect(i * Side, row * Side, (i + 1) * Side, (row + 1) * Side), SKSamplingOptions.Default);
            canvas.DrawBitmap(tint, i * Side, Side, SKSamplingOptions.Default);
        }
    }
    using SKData png = sheet.Encode(SKEncodedImageFormat.Png, 100);
    File.WriteAllBytes(path, png.ToArray());
}

static void PaintSet(string photographs, string masks, int count)
{
    Directory.CreateDirectory(photographs);
    Directory.CreateDirectory(masks);
    for (int i = 0; i < count; i++)
    {
        var random = new Random(i);
        using SKBitmap photograph = new(Side, Side), mask = new(Side, Side);
        photograph.Erase(new SKColor((byte)random.Next(40, 110), (byte)random.Next(110, 170), (byte)random.Next(30, 90)));
        mask.Erase(SKColors.Black);                                                 // 0: grass
        using (SKCanvas picture = new(photograph), truth = new(mask))
        {
            for (int blade = 0; blade < 150; blade++)
            {
                using var paint = new SKPaint { Color = new SKColor((byte)random.Next(40, 130), (byte)random.Next(90, 200), (byte)random.Next(30, 90)), StrokeWidth = 1 + random.NextSingle() };
                (float px, float py) = (random.Next(Side), random.Next(Side));
                picture.DrawLine(px, py, px + random.Next(-6, 7), py - random.Next(4, 14), paint);
            }
            for (int thing = random.Next(1, 5); thing > 0; thing--)
            {
                int kind = random.Next(1, 3);                                       // 1: a leaf, 2: a stone
                (float px, float py, float size) = (random.Next(12, Side - 12), random.Next(12, Side - 12), random.Next(8, 20));
                SKColor colour = kind == 1 ? new SKColor((byte)random.Next(150, 230), (byte)random.Next(60, 150), (byte)random.Next(10, 60)) : new SKColor((byte)random.Next(110, 170), (byte)random.Next(110, 165), (byte)random.Next(105, 160));
                using var builder = new SKPathBuilder();
                if (kind == 1)
                {
                    builder.MoveTo(0, -size);
                    builder.CubicTo(size, -size / 3, size / 2, size, 0, size);
                    builder.CubicTo(-size / 2, size, -size, -size / 3, 0, -size);
                }
                else
                {
                    builder.AddOval(new SKRect(-size, -0.7f * size, size, 0.7f * size));
                }
                using SKPath shape = builder.Detach();
                float angle = random.Next(360);
                foreach ((SKCanvas canvas, SKColor fill, bool smooth) in new[] { (picture, colour, true), (truth, new SKColor((byte)kind, (byte)kind, (byte)kind), false) })
                {
                    canvas.Save();
                    canvas.Translate(px, py);
                    canvas.RotateDegrees(angle);
                    using var paint = new SKPaint { Color = fill, IsAntialias = smooth }; // a mask's edge has no colour between
                    canvas.DrawPath(shape, paint);
                    canvas.Restore();
                }
            }
        }
        for (int noise = 0; noise < Side * Side / 2; noise++)
        {
            (int nx, int ny) = (random.Next(Side), random.Next(Side));
            SKColor c = photograph.GetPixel(nx, ny);
            int grain = random.Next(-25, 26);
            byte Add(byte b) => (byte)Math.Clamp(b + grain, 0, 255);
            photograph.SetPixel(nx, ny, new SKColor(Add(c.Red), Add(c.Green), Add(c.Blue)));
        }
        using SKData jpeg = photograph.Encode(SKEncodedImageFormat.Jpeg, 92), png = mask.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(Path.Combine(photographs, $"{i:000}.jpg"), jpeg.ToArray());
        File.WriteAllBytes(Path.Combine(masks, $"{i:000}.png"), png.ToArray());
    }
}
