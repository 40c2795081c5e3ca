using Graft.Autograd;
using Graft.Ops;
using Xunit;

namespace Graft.Tests.Ops;

[Collection(OpsCollection.Name)]
public sealed class EmbeddingTests
{
    [Theory]
    [InlineData("reference")]
    [InlineData("cpu")]
    public void Ids_may_be_whole_numbers_in_floats(string name)
    {
        Device device = name == "cpu" ? Device.Cpu : Device.Reference;
        using var tape = new Tape(device);
        Tensor table = tape.Constant(new Shape(3, 2), [1f, 2f, 3f, 4f, 5f, 6f]);
        tape.Watch(table);
        Tensor rows = tape.Run(new EmbeddingOp(), tape.Constant(new Shape(2, 2), [2f, 0f, 2f, 1f]), table);
        Assert.Equal([5, 6, 1, 2, 5, 6, 3, 4], rows.ToArray());
        tape.Backward(rows, [1, 2, 3, 4, 5, 6, 7, 8]);
        Assert.Equal([3, 4, 7, 8, 6, 8], tape.Gradient(table)!.ToArray());
        foreach (float wrong in new[] { 0.5f, -1, 3, float.NaN, 1e20f })
        {
            using var other = new Tape(device);
            Tensor small = other.Constant(new Shape(3, 1), [1f, 2f, 3f]);
            Assert.Contains("at position 1", Assert.Throws<GraftException>(() => other.Run(new EmbeddingOp(), other.Constant(new Shape(2), [1f, wrong]), small)).Message);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void Embedding_names_the_id_that_is_no_row(int id)
    {
        using var tape = new Tape(Device.Cpu);
        Tensor ids = tape.Constant(new Shape(2), [0, id]), table = tape.Constant(new Shape(3, 1), [1f, 2f, 3f]);
        GraftException e = Assert.Throws<GraftException>(() => tape.Run(new EmbeddingOp(), ids, table));
        Assert.Contains($"id {id} at position 1", e.Message);
        Assert.Contains("[3,1]", e.Message);
    }
}
