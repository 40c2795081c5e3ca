using System.Globalization;
using Graft.Training;
using Graft.Weights;

namespace Graft.Layers;

/// <content>Statistics from data: Keras's adapt.</content>
public sealed partial class Normalization
{
    /// <summary>
    /// Takes mean and population variance from samples, in place of those that the layer has: over the samples and all axes but <see cref="Axes"/>, summed in float64. Call it before training, on
    /// what the layer will read; a layer that is in no model yet is built for it.
    /// </summary>
    /// <param name="samples">Row-major, [N, ...sample shape].</param>
    /// <param name="shape">Shape with the batch axis.</param>
    /// <exception cref="ShapeException">The numbers do not fill the shape, there is no sample, or the layer takes others.</exception>
    /// <exception cref="GraftException">A number is NaN or infinite, or <see cref="Mean"/> and <see cref="Variance"/> were given.</exception>
    public void Adapt(ReadOnlySpan<float> samples, Shape shape)
    {
        if (shape.Rank == 0 || shape[0] == 0 || samples.Length != shape.Count)
            throw new ShapeException($"{this}: Adapt was given {samples.Length} numbers, which are not one sample or more of shape {shape}; its first axis counts the samples.");
        RunningMoments moments = Begin(shape.Tail());
        Add(moments, samples, shape, []);
        Take(moments);
    }

    /// <summary>The same over a data set, batch by batch.</summary>
    /// <param name="data">The samples; its first epoch is read.</param>
    /// <param name="input">Which of its inputs the layer reads, from 0.</param>
    /// <param name="cancellationToken">Ends it between two batches; the statistics stay as they are.</param>
    /// <exception cref="ShapeException">The layer takes other samples.</exception>
    /// <exception cref="GraftException">A number is NaN or infinite, the data has no such input or no batch, or <see cref="Mean"/> and <see cref="Variance"/> were given.</exception>
    public void Adapt(BatchSource data, int input = 0, CancellationToken cancellationToken = default)
    {
        Shape[] shapes = [data.SampleShape, .. data.MoreSampleShapes];
        if (input < 0 || input >= shapes.Length)
            throw new GraftException($"{this}: Adapt is to read input {input} of the data, which has the inputs 0 to {shapes.Length - 1}.");
        RunningMoments moments = Begin(shapes[input]);
        using var batches = new EpochReader(data, 0, 0, withoutInputs: false, cancellationToken);
        while (batches.MoveNext())
        {
            Batch batch = batches.Current;
            (Shape shape, float[] values) = input == 0 ? (batch.InputShape, batch.Inputs) : batch.MoreInputs[input - 1];
            Add(moments, values.AsSpan(0, checked((int)shape.Count)), shape, batch.Indices);
        }
        Take(moments);
    }

    private RunningMoments Begin(Shape sample)
    {
        if (Mean is not null || Variance is not null)
            throw new GraftException($"{this}: has the Mean and Variance that it was given; Adapt is for a layer that is made without them.");
        Build([sample]);
        return new RunningMoments(checked((int)Statistics(sample).Count));
    }

    private void Add(RunningMoments moments, ReadOnlySpan<float> samples, Shape shape, int[] indices)
    {
        int width = samples.Length / shape[0];
        if (NonFinite.IndexIn(samples) is var at and >= 0)
        {
            int row = at / width;
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"{this}: Adapt found {samples[at]} as number {at % width} of sample {(row < indices.Length ? indices[row] : row)} (both counted from 0); take finite numbers: fill gaps, or leave the sample out."));
        }
        moments.Add(samples, Places(shape.Tail()));
    }

    /// <summary>For each number of a sample, row-major, the place of its statistics.</summary>
    private int[] Places(Shape sample)
    {
        int[] kept = Kept(sample), places = new int[sample.Count];
        for (int i = 0; i < places.Length; i++)
        {
            int rest = i, step = 1;
            for (int axis = sample.Rank - 1; axis >= 0; axis--)
            {
                if (kept.Contains(axis + 1))
                {
                    places[i] += rest % sample[axis] * step;
                    step *= sample[axis];
                }
                rest /= sample[axis];
            }
        }
        return places;
    }

    private void Take(RunningMoments moments)
    {
        _mean!.Set(moments.Mean);
        _variance!.Set(moments.Variance);
        _count!.Set([moments.Count]);
    }
}
