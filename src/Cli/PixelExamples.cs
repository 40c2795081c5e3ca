using System.Globalization;
using Graft.Cli.Commands;
using Graft.Importers.Images;
using Graft.Training;
using Graft.Weights;
using SkiaSharp;

namespace Graft.Cli;

/// <summary>A picture of photographs, each beside its mask and what a model says of its pixels, in colours, with their meaning above.</summary>
internal static class PixelExamples
{
    private const int Most = 6, Cell = 224, Gap = 8, Margin = 24, Between = 40, Line = 28, Square = 16, TextSize = 15, Across = 2;

    private static readonly SKColor s_ink = new(0x22, 0x22, 0x22), s_quiet = new(0x77, 0x77, 0x77), s_edge = new(0xBB, 0xBB, 0xBB);

    // The colours of the curves, behind a light gray for the first class, which mostly is the background.
    private static readonly SKColor[] s_colours = [.. new uint[] { 0xFFD9DCE1, 0xFF4C72B0, 0xFFDD8452, 0xFF55A868, 0xFFC44E52, 0xFF8172B3, 0xFF937860, 0xFFDA8BC3, 0xFFCCB974, 0xFF64B5CD }.Select(c => new SKColor(c))];

    /// <summary>Writes it: six photographs at most, evenly spread over the data.</summary>
    public static void Write(Model model, ImageMasks data, string path)
    {
        int[] shown = [.. Enumerable.Range(0, Math.Min(Most, data.Count)).Select(i => i * data.Count / Math.Min(Most, data.Count))];
        float[][] outputs = PredictCommand.Predict(model, [.. shown.Select(i => data.Files[i])], null, CancellationToken.None);
        using SKTypeface face = SKTypeface.FromFile(Path.Combine(AppContext.BaseDirectory, "Fonts", "DejaVuSans.ttf"));
        using var font = new SKFont(face, TextSize);
        int columns = Math.Min(Across, shown.Length), rows = (shown.Length + columns - 1) / columns, width = 2 * Margin + columns * (3 * Cell + 2 * Gap) + (columns - 1) * Between;
        string[] names = [.. data.ClassNames, .. shown.Any(i => data.MaskOf(i).Any(c => c >= data.ClassNames.Count)) ? ["no class"] : Array.Empty<string>()];
        (string Name, SKPoint At)[] legend = Legend(names, font, width, out int legendHeight);
        int top = Margin + legendHeight + Line;
        using var sheet = new SKBitmap(width, top + rows * (Cell + 2 * Line));
        using (var canvas = new SKCanvas(sheet))
        {
            canvas.Clear(SKColors.White);
            foreach ((int c, (string name, SKPoint at)) in legend.Index())
                Entry(canvas, font, name, at, ColourOf(c, data.ClassNames.Count));
            for (int i = 0; i < shown.Length; i++)
            {
                (int x, int y) = (Margin + i % columns * (3 * Cell + 2 * Gap + Between), top + i / columns * (Cell + 2 * Line));
                if (i < columns)
                    Titles(canvas, font, x, top);
                Example(canvas, font, model, data, shown[i], PixelClasses.Of(model, outputs[i]), x, y);
            }
        }
        using SKData png = sheet.Encode(SKEncodedImageFormat.Png, 100);
        WholeFile.Write(path, stream => png.SaveTo(stream));
    }

    /// <summary>The colour that stands for a class; white where a pixel has none.</summary>
    private static SKColor ColourOf(int c, int classes) => c >= classes ? SKColors.White : c < s_colours.Length ? s_colours[c] : SKColor.FromHsl(c * 137.5f % 360, 60, 35 + c % 3 * 15); // the golden angle: neighbours differ

    private static (string, SKPoint)[] Legend(IReadOnlyList<string> names, SKFont font, int width, out int height)
    {
        const int Apart = 24;
        float x = Margin, y = Margin;
        var entries = new List<(string, SKPoint)>();
        foreach (string name in names)
        {
            float needed = Square + Gap + font.MeasureText(name);
            if (x > Margin && x + needed > width - Margin)
                (x, y) = (Margin, y + Line);
            entries.Add((name, new SKPoint(x, y)));
            x += needed + Apart;
        }
        height = (int)y - Margin + Line;
        return [.. entries];
    }

    private static void Entry(SKCanvas canvas, SKFont font, string name, SKPoint at, SKColor colour)
    {
        using SKPaint fill = new() { Color = colour }, edge = new() { Color = s_edge, IsStroke = true }, ink = new() { Color = s_ink, IsAntialias = true };
        var square = new SKRect(at.X, at.Y, at.X + Square, at.Y + Square);
        canvas.DrawRect(square, fill);
        canvas.DrawRect(square, edge);
        canvas.DrawText(name, at.X + Square + Gap, at.Y + TextSize - 2, SKTextAlign.Left, font, ink);
    }

    private static void Titles(SKCanvas canvas, SKFont font, int x, int bottom)
    {
        using var quiet = new SKPaint { Color = s_quiet, IsAntialias = true };
        foreach ((int i, string title) in new[] { "photograph", "mask", "prediction" }.Index())
            canvas.DrawText(title, x + i * (Cell + Gap), bottom - Gap, SKTextAlign.Left, font, quiet);
    }

    private static void Example(SKCanvas canvas, SKFont font, Model model, ImageMasks data, int sample, byte[] said, int x, int y)
    {
        byte[] mask = [.. data.MaskOf(sample)];
        (int height, int width, int classes) = (data.SampleShape[0], data.SampleShape[1], data.ClassNames.Count);
        byte[] pixels = new ImageReader(model.Preprocessing!).Pixels(data.Files[sample]);
        Draw(canvas, Painted(width, height, p => new SKColor(pixels[3 * p], pixels[3 * p + 1], pixels[3 * p + 2])), x, y);
        Draw(canvas, Painted(width, height, p => ColourOf(mask[p], classes)), x + Cell + Gap, y);
        Draw(canvas, Painted(width, height, p => ColourOf(said[p], classes)), x + 2 * (Cell + Gap), y);
        using SKPaint ink = new() { Color = s_ink, IsAntialias = true }, quiet = new() { Color = s_quiet, IsAntialias = true };
        canvas.DrawText(Fitted(Path.GetFileName(data.Files[sample]), font, Cell + Gap), x, y + Cell + TextSize + 3, SKTextAlign.Left, font, quiet);
        canvas.DrawText(string.Create(CultureInfo.InvariantCulture, $"mean IoU {PixelEvaluation.Count(mask, said, data.ClassNames).MeanIoU:F3}"), x + 2 * (Cell + Gap), y + Cell + TextSize + 3, SKTextAlign.Left, font, ink);
    }

    private static SKBitmap Painted(int width, int height, Func<int, SKColor> colourOf)
    {
        var image = new SKBitmap(width, height);
        image.Pixels = [.. Enumerable.Range(0, width * height).Select(colourOf)];
        return image;
    }

    private static void Draw(SKCanvas canvas, SKBitmap image, int x, int y)
    {
        using (image)
            canvas.DrawBitmap(image, new SKRect(x, y, x + Cell, y + Cell), new SKSamplingOptions(SKFilterMode.Nearest)); // a class is no mixture of its neighbours
        using var edge = new SKPaint { Color = s_edge, IsStroke = true };
        canvas.DrawRect(new SKRect(x, y, x + Cell, y + Cell), edge);
    }

    private static string Fitted(string name, SKFont font, int width)
    {
        string text = name;
        for (int cut = 1; font.MeasureText(text) > width && cut < name.Length; cut++)
            text = $"...{name[cut..]}";
        return text;
    }
}
