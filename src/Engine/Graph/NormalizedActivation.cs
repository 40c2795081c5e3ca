using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;

namespace Graft;

/// <summary>
/// A BatchNormalization, what is added to its output, and the ReLU behind: in a training step one op, which reads and writes an activation as often as the
/// normalisation alone would.
/// </summary>
/// <param name="Norm">The normalisation; the op runs where it stands.</param>
/// <param name="Residual">What is added; null where ReLU follows the normalisation itself.</param>
/// <param name="Output">The node of the ReLU: of all nodes in between nobody sees the result.</param>
internal sealed record NormalizedActivation(Node Norm, Node? Residual, Node Output)
{
    /// <summary>All of a graph, by their normalisations.</summary>
    /// <param name="order">The nodes, each after those it reads.</param>
    /// <param name="kept">Nodes whose results are the caller's.</param>
    public static Dictionary<Node, NormalizedActivation> Find(IReadOnlyList<Node> order, IEnumerable<Node> kept)
    {
        var place = new Dictionary<Node, int>(order.Count);
        var readers = new Dictionary<Node, Node?>(order.Count); // null where there is more than one
        for (int i = 0; i < order.Count; i++)
        {
            place.Add(order[i], i);
            foreach (Node input in order[i].Inputs)
                readers[input] = readers.ContainsKey(input) ? null : order[i];
        }
        foreach (Node node in kept)
            readers[node] = null;
        var found = new Dictionary<Node, NormalizedActivation>();
        foreach (Node norm in order.Where(n => n.Layer is BatchNormalization))
        {
            Node? reader = readers.GetValueOrDefault(norm), residual = null;
            if (reader is { Layer: Add, Inputs: [Node a, Node b] } && a.Shape.Equals(b.Shape))
            {
                residual = a == norm ? b : a;
                reader = place[residual.First] < place[norm] ? readers.GetValueOrDefault(reader) : null;
            }
            if (reader is not null && reader.Layer.Fusible != FusedActivation.None)
                found.Add(norm, new NormalizedActivation(norm, residual, reader));
        }
        return found;
    }

    /// <summary>
    /// True where the step differentiates the normalisation. What is frozen stays op by op: a plan computes it, which folds it into the convolution before. A mask
    /// of steps, which a sum joins, takes the layers themselves.
    /// </summary>
    public bool Applies(Tape tape, MaskedTensor x, MaskedTensor? residual) =>
        tape.Training && x.Mask is null && residual?.Mask is null && (tape.Wants(x.Value) || Norm.Layer.Parameters.Any(p => p.IsTrainable));

    /// <summary>Runs the op.</summary>
    public Tensor Run(Tape tape, Tensor x, Tensor? residual)
    {
        var layer = (BatchNormalization)Norm.Layer;
        return residual is null ? layer.Forward(tape, x, Output.Layer.Fusible) : layer.Forward(tape, x, Output.Layer.Fusible, residual);
    }
}
