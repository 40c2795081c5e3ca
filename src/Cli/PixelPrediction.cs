using Graft.Cli.Commands;
using Graft.Importers.Images;
using Graft.Training;
using Graft.Weights;
using SkiaSharp;

namespace Graft.Cli;

/// <summary>What a model that gives each pixel a class says of photographs: the share of each class, and masks.</summary>
/// <param name="model">The model.</param>
/// <param name="masks">The folder for masks; null for none.</param>
internal sealed class PixelPrediction(Model model, string? masks)
{
    private const int ImagesAtOnce = 8; // their outputs are as large as they are

    /// <summary>The share of the pixels that each class has, of each image. Masks are written, gray and as large as the image, each pixel the number of its class.</summary>
    /// <param name="files">The images.</param>
    /// <param name="progress">Told after some of them.</param>
    /// <param name="errors">What is wrong with files that are no images, by their numbers. Null throws.</param>
    /// <param name="interrupt">Ends it.</param>
    /// <exception cref="GraftException">A file is no image, two would have the same mask, or one cannot be written.</exception>
    public float[][] Run(IReadOnlyList<string> files, IProgress<(int Done, int Total)>? progress, IDictionary<int, string>? errors, CancellationToken interrupt)
    {
        CheckNames(files);
        var shares = new float[files.Count][];
        foreach (int[] chunk in Enumerable.Range(0, files.Count).Chunk(ImagesAtOnce))
        {
            var wrong = new Dictionary<int, string>();
            float[][] outputs = PredictCommand.Predict(model, [.. chunk.Select(i => files[i])], null, interrupt, errors is null ? null : wrong);
            foreach ((int at, float[] output) in outputs.Index())
            {
                int file = chunk[at];
                if (wrong.TryGetValue(at, out string? error))
                {
                    (shares[file], errors![file]) = ([], error);
                    continue;
                }
                byte[] classes = PixelClasses.Of(model, output);
                int[] counts = new int[model.ClassNames.Count];
                foreach (byte c in classes)
                    counts[c]++;
                shares[file] = Array.ConvertAll(counts, c => (float)c / classes.Length);
                if (masks is not null)
                    Write(files[file], classes);
            }
            progress?.Report((chunk[^1] + 1, files.Count));
        }
        return shares;
    }

    private string MaskOf(string file) => Path.Combine(masks!, Path.GetFileNameWithoutExtension(file) + ".png");

    private void CheckNames(IReadOnlyList<string> files)
    {
        if (masks is not null && files.GroupBy(MaskOf).FirstOrDefault(g => g.Count() > 1) is { } same)
            throw new GraftException($"{same.Key} would be the mask of {string.Join(" and ", same.Take(2))}; predict them one after the other, into different folders.");
    }

    private void Write(string file, byte[] classes)
    {
        Directory.CreateDirectory(masks!);
        Shape shape = model.Outputs[0].Shape;
        (int height, int width) = new ImageReader(model.Preprocessing!).SizeOf(file);
        PixelImage mask = ImageResize.Run(new PixelImage(shape[0], shape[1], 1, classes), height, width, ResizeFilter.Nearest); // between two classes lies none
        using var image = SKImage.FromPixelCopy(new SKImageInfo(width, height, SKColorType.Gray8, SKAlphaType.Opaque), mask.Pixels);
        using SKData png = image.Encode(SKEncodedImageFormat.Png, 100);
        WholeFile.Write(MaskOf(file), stream => png.SaveTo(stream));
    }
}
