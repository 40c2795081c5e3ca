using Graft.Autograd;
using Graft.Ops;
using Xunit;

namespace Graft.Tests.Ops;

[Collection(OpsCollection.Name)]
public sealed class EmbeddingTests
{
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
