using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Which keys a query may see: what attention layers add to their scores.</summary>
internal static class AttentionMask
{
    /// <summary>What Keras adds to the score of a key that is not seen: e to its power is 0.</summary>
    private const float Unseen = -1e9f;

    /// <summary>0 where a query sees a key, else -1e9, in a shape that broadcasts with scores [N,T,S]; null where all see all.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="queries">[N,T] of the queries, or null.</param>
    /// <param name="keys">[N,S] of the keys; nulls are left out.</param>
    /// <param name="isCausal">A query sees its own and earlier keys.</param>
    /// <param name="t">Queries.</param>
    /// <param name="s">Keys.</param>
    public static Tensor? Scores(Tape tape, Tensor? queries, ReadOnlySpan<Tensor?> keys, bool isCausal, int t, int s)
    {
        Tensor? seen = queries is null ? null : tape.Run(new ReshapeOp(queries.Shape[0], t, 1), queries);
        foreach (Tensor? mask in keys)
        {
            if (mask is not null)
                seen = And(tape, seen, tape.Run(new ReshapeOp(mask.Shape[0], 1, s), mask));
        }
        if (isCausal)
            seen = And(tape, seen, Causal(tape, t, s));
        return seen is null ? null : tape.Run(new UnaryOp(UnaryFormula.Scale, -Unseen, Unseen), seen);
    }

    private static Tensor And(Tape tape, Tensor? a, Tensor b) => a is null ? b : tape.Run(new BinaryOp(BinaryFormula.Multiply), a, b);

    private static Tensor Causal(Tape tape, int t, int s)
    {
        var seen = new float[t * s];
        for (int i = 0; i < t; i++)
            seen.AsSpan(i * s, Math.Min(i + 1, s)).Fill(1);
        return tape.Constant(new Shape(1, t, s), seen);
    }
}
