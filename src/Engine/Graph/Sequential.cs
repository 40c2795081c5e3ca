using System.Collections;
using Graft.Layers;

namespace Graft;

/// <summary>A model whose layers follow one another.</summary>
/// <example><code>
/// var model = new Sequential(150, 150, 3) { vgg, new Flatten(), new Dense(256, Activation.ReLU), new Dense(1) };
/// </code></example>
public sealed class Sequential : Model, IEnumerable<Layer>
{
    internal const string UsualName = "sequential";

    private readonly Node _input;
    private Node _last;

    /// <summary>A model without layers yet, for samples of the given shape (no batch axis).</summary>
    public Sequential(params ReadOnlySpan<int> sampleShape)
        : this("", new Shape(sampleShape))
    {
    }

    /// <summary>A model without layers yet, whose input has a name.</summary>
    /// <param name="input">The input's name.</param>
    /// <param name="sample">Shape of a sample.</param>
    internal Sequential(string input, Shape sample)
    {
        Name = UsualName;
        _input = _last = Node.Input(sample, input);
        SetGraph([_input], [_last]);
    }

    /// <summary>A model of nodes that follow one another.</summary>
    internal Sequential(Node input, Node last)
    {
        Name = UsualName;
        (_input, _last) = (input, last);
        SetGraph([_input], [_last]);
    }

    /// <summary>Puts a layer behind the last one.</summary>
    /// <exception cref="ShapeException">The layer does not take the output of the last one.</exception>
    /// <exception cref="GraftException">A layer of that name is there already.</exception>
    public void Add(Layer layer)
    {
        _last = layer.Apply(_last);
        SetGraph([_input], [_last]);
    }

    IEnumerator<Layer> IEnumerable<Layer>.GetEnumerator() => Layers.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => Layers.GetEnumerator();
}
