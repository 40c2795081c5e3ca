using System.Globalization;
using Graft.Training;

namespace Graft.Cli;

/// <summary>How well the pixels of each class are told, for the eye.</summary>
internal static class PixelLines
{
    /// <summary>A line for each class, and what is right of all.</summary>
    public static void Write(Terminal terminal, ConfusionMatrix matrix)
    {
        int width = Math.Max(5, matrix.Names.Max(n => n.Length));
        terminal.Line($"{"class".PadRight(width)}  iou     precision  recall  pixels");
        for (int c = 0; c < matrix.Classes; c++)
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{matrix.Names[c].PadRight(width)}  {matrix.IoU(c):0.0000}  {matrix.Precision(c),-9:0.0000}  {matrix.Recall(c):0.0000}  {matrix.Support(c)}"));
    }
}
