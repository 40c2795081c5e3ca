namespace Graft.Training;

/// <summary>Mixup: x = s x1 + (1 - s) x2, with labels in the same share s, drawn from Beta(alpha, alpha) for each batch. Zhang et al. 2018, arXiv:1710.09412.</summary>
/// <param name="source">What is mixed: labels are one-hot, 0 and 1, or numbers.</param>
/// <param name="alpha">0.2 mixes a little, 1 any share.</param>
/// <param name="seed">Decides what is mixed with what.</param>
public sealed class MixUp(BatchSource source, float alpha = 0.2f, int seed = 0) : MixedBatches(source, alpha, seed)
{
    private protected override double Mix(Batch batch, int[] partners, double share, Random random, float[] inputs)
    {
        Blend(batch.Inputs, batch.Size, partners, (float)share).CopyTo(inputs, 0);
        return share;
    }
}
