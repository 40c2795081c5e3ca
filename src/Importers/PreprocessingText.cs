using System.Globalization;
using Graft.Training;

namespace Graft.Importers;

/// <summary>A model's preprocessing in words, for files that have no place for it.</summary>
internal static class PreprocessingText
{
    /// <summary>"caffe (BGR, times 1, less 103.939 116.779 123.68, over 1 1 1)".</summary>
    public static string Of(Preprocessing p)
    {
        string Numbers(IReadOnlyList<float> values) => string.Join(' ', values.Select(v => v.ToString("R", CultureInfo.InvariantCulture)));
        string mean = p.MeanImage is { } image ? $"a mean image of {image.Height} x {image.Width}" : Numbers(p.Mean);
        return $"{p.Name} ({(p.ReverseChannels ? "BGR, " : "")}times {Numbers([p.Scale])}, less {mean}, over {Numbers(p.Std)})";
    }
}
