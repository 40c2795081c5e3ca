using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// Batched matrix product with numpy's rules: a [..,M,K], b [..,K,N] to [..,M,N], batch axes broadcast. An operand of one axis
/// is a row (left) or a column (right) whose axis is left out of the result; it is never transposed.
/// </summary>
/// <param name="transposeA">a is stored as [..,K,M].</param>
/// <param name="transposeB">b is stored as [..,N,K].</param>
public sealed class MatMulOp(bool transposeA = false, bool transposeB = false) : Op
{
    /// <inheritdoc/>
    public override string Name => "MatMul";

    /// <summary>True where a is stored as [..,K,M].</summary>
    public bool TransposeA => transposeA;

    /// <summary>True where b is stored as [..,N,K].</summary>
    public bool TransposeB => transposeB;

    /// <inheritdoc/>
    public override bool KeepsInput(int index, OpCall call) => call.Needs(1 - index); // each is a factor in the gradient of the other

    /// <inheritdoc/>
    public override bool KeepsSamplesApart(ReadOnlySpan<Shape> inputs) => inputs[0].Rank > 2 && inputs[1].Rank > 2;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 2, "a and b");
        Shape a = inputs[0], b = inputs[1];
        ShapeCheck.HasLastAxis(Name, a);
        ShapeCheck.HasLastAxis(Name, b);
        int inner = Rows(b);
        if (Columns(a) != inner)
        {
            throw new ShapeException(
                $"MatMul: a {a}{(transposeA ? " (transposed)" : "")} has {Columns(a)} columns but b {b}{(transposeB ? " (transposed)" : "")} "
                + $"has {inner} rows; they must be equal. Transpose or reshape one of them.");
        }
        List<int> dims = [.. Batch(a, b)];
        if (a.Rank > 1)
            dims.Add(transposeA ? a[-1] : a[-2]);
        if (b.Rank > 1)
            dims.Add(transposeB ? b[-2] : b[-1]);
        return new Shape([.. dims]);
    }

    /// <inheritdoc/>
    public override long Flops(ReadOnlySpan<Shape> inputs) => Geometry(inputs[0], inputs[1]).Flops;

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            Forward(call, call.Kernels.Narrow.MatMul);
        else
            Forward(call, call.Kernels.MatMul);
    }

    internal override bool ReadsNarrow(int index) => index == 0;

    /// <summary>Rows by one matrix, as an output layer that is tied to an embedding has them; b is treated as a weight.</summary>
    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => !transposeA && inputs[0].Rank >= 2 && inputs[1].Rank == 2 && inputs[0].Count > 0 && inputs[1].Count > 0;

    internal override bool BeginsNarrow => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.MatMul);
        else
            Backward(call, call.Kernels.MatMul);
    }

    private void Forward<T>(OpCall call, MatMulKernels<T> kernels)
        where T : unmanaged => kernels.Forward(Geometry(call), call.In(0).As<T>(), call.Weight<T>(1), call.Output.As<T>());

    private void Backward<T>(OpCall call, MatMulKernels<T> kernels)
        where T : unmanaged
    {
        MatMulGeometry g = Geometry(call);
        if (call.Needs(0) && call.Needs(1) && call.In(0) != call.In(1))
        {
            var (da, betaA) = call.GradIn<T>(0);
            var (db, betaB) = call.GradIn(1);
            kernels.BackwardFactors(g, call.In(0).As<T>(), call.Weight<T>(1), call.GradOutAs<T>(), da, betaA, db, betaB);
            return;
        }
        if (call.Needs(0))
        {
            var (da, beta) = call.GradIn<T>(0);
            kernels.BackwardA(g, call.GradOutAs<T>(), call.Weight<T>(1), da, beta);
        }
        if (call.Needs(1))
        {
            var (db, beta) = call.GradIn(1);
            kernels.BackwardB(g, call.In(0).As<T>(), call.GradOutAs<T>(), db, beta);
        }
    }

    private int Columns(Shape a) => a.Rank > 1 && transposeA ? a[-2] : a[-1];

    private int Rows(Shape b) => b.Rank > 1 && !transposeB ? b[-2] : b[-1];

    private MatMulGeometry Geometry(OpCall call) => Geometry(call.In(0).Shape, call.In(1).Shape);

    private MatMulGeometry Geometry(Shape a, Shape b)
    {
        bool turnA = transposeA && a.Rank > 1, turnB = transposeB && b.Rank > 1;
        int m = a.Rank == 1 ? 1 : turnA ? a[-1] : a[-2], n = b.Rank == 1 ? 1 : turnB ? b[-2] : b[-1], k = Columns(a);
        // One b for all rows of an untransposed a: the batch is more rows of a single product.
        if (b.Rank <= 2 && !turnA && a.Rank > 2)
            return new(checked((int)ShapeCheck.Rows(a)), n, k, false, turnB, [0], [0], 1, 1);
        int[] batch = Batch(a, b);
        return new(m, n, k, turnA, turnB, Indices(a, batch), Indices(b, batch), Matrices(a), Matrices(b));
    }

    private static int Matrices(Shape shape)
    {
        int count = 1;
        for (int axis = 0; axis < shape.Rank - 2; axis++)
            count *= shape[axis];
        return count;
    }

    private static int[] Batch(Shape a, Shape b)
    {
        var batch = new int[Math.Max(0, Math.Max(a.Rank, b.Rank) - 2)];
        for (int i = 1; i <= batch.Length; i++)
        {
            int extentA = BatchExtent(a, i), extentB = BatchExtent(b, i);
            if (extentA != extentB && extentA != 1 && extentB != 1)
            {
                throw new ShapeException(
                    $"MatMul: the batch axes of a {a} and b {b} disagree ({extentA} and {extentB}); each pair is equal or one of them is 1.");
            }
            batch[^i] = extentA == 1 ? extentB : extentA;
        }
        return batch;
    }

    /// <summary>Extent of the batch axis <paramref name="fromEnd"/> places before the matrix; 1 where there is none.</summary>
    private static int BatchExtent(Shape shape, int fromEnd) => shape.Rank - 2 - fromEnd >= 0 ? shape[shape.Rank - 2 - fromEnd] : 1;

    /// <summary>For each matrix of the result, the index of the operand's matrix.</summary>
    private static int[] Indices(Shape shape, int[] batch)
    {
        int total = 1;
        foreach (int extent in batch)
            total *= extent;
        var indices = new int[total];
        for (int i = 0; i < total; i++)
        {
            int rest = i, stride = 1;
            for (int axis = 1; axis <= batch.Length; axis++)
            {
                int extent = BatchExtent(shape, axis);
                indices[i] += extent == 1 ? 0 : rest % batch[^axis] * stride;
                rest /= batch[^axis];
                stride *= extent;
            }
        }
        return indices;
    }
}
