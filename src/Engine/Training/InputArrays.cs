using System.Collections.Concurrent;

namespace Graft.Training;

/// <summary>
/// Arrays for the inputs of full batches, each used again once its batch was given back: the collector frees a large array together with its pages, and fresh
/// pages cost more than to fill them.
/// </summary>
/// <param name="count">Numbers in a full batch.</param>
public sealed class InputArrays(long count)
{
    private readonly ConcurrentBag<float[]> _returned = [];

    /// <summary>An array of that many numbers, contents undefined.</summary>
    public float[] Rent(int numbers) => numbers == count && _returned.TryTake(out float[]? array) ? array : GC.AllocateUninitializedArray<float>(numbers);

    /// <summary>Takes the inputs of a batch that nobody looks at any more; those of a smaller one are left to the collector.</summary>
    public void Return(Batch batch)
    {
        if (batch.Inputs.Length == count)
            _returned.Add(batch.Inputs);
    }
}
