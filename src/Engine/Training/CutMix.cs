namespace Graft.Training;

/// <summary>
/// CutMix: a rectangle of each image is that of another, and the label has the other's in the share of its area. The area is drawn from Beta(alpha, alpha) and the place evenly, for each batch, and
/// what reaches over the edge is cut off. Yun et al. 2019, arXiv:1905.04899.
/// </summary>
/// <param name="source">Images [H,W,C]: labels are one-hot, 0 and 1, or numbers.</param>
/// <param name="alpha">1 in the paper: any area.</param>
/// <param name="seed">Decides what is mixed with what.</param>
public sealed class CutMix(BatchSource source, float alpha = 1, int seed = 0) : MixedBatches(Images(source), alpha, seed)
{
    private protected override double Mix(Batch batch, int[] partners, double share, Random random, float[] inputs)
    {
        (int height, int width, int channels) = (SampleShape[0], SampleShape[1], SampleShape[2]);
        double side = Math.Sqrt(1 - share);
        (int top, int bottom) = Span(random, height, side);
        (int left, int right) = Span(random, width, side);
        batch.Inputs.AsSpan(0, inputs.Length).CopyTo(inputs);
        int pixels = height * width * channels, row = (right - left) * channels;
        for (int i = 0; i < batch.Size; i++)
        {
            for (int y = top; y < bottom; y++)
            {
                int at = (y * width + left) * channels;
                batch.Inputs.AsSpan(partners[i] * pixels + at, row).CopyTo(inputs.AsSpan(i * pixels + at, row));
            }
        }
        return 1 - (double)(bottom - top) * (right - left) / (height * width);
    }

    private static (int From, int To) Span(Random random, int extent, double side)
    {
        int length = (int)(extent * side), centre = random.Next(extent);
        return (Math.Max(0, centre - length / 2), Math.Min(extent, centre + length / 2));
    }

    private static BatchSource Images(BatchSource source) => source.SampleShape.Rank == 3 ? source
        : throw new ShapeException($"CutMix cuts images [H,W,C]; the samples are {source.SampleShape}. Take MixUp for these.");
}
