using Graft.Layers;

namespace Graft.Training;

/// <summary>What a model ends in: the layer that computes its output, its number of outputs and its activation.</summary>
/// <param name="LayerName">The layer that decides.</param>
/// <param name="Shape">Output without the batch axis.</param>
/// <param name="Activation">What the output went through last; null where the structure does not tell.</param>
internal sealed record ModelHead(string LayerName, Shape Shape, Activation? Activation)
{
    /// <summary>Extent of the last axis.</summary>
    public int Units => Shape.Rank == 0 ? 1 : Shape[-1];

    /// <summary>For messages: "Dense(1, Sigmoid) 'dense_1'".</summary>
    public string Description => $"'{LayerName}', which gives {Units} output(s){(Activation is { } a ? $" with activation {a}" : "")}";

    /// <summary>What an output of a model ends in.</summary>
    public static ModelHead Of(Model model, int output = 0)
    {
        Node node = model.Outputs[output];
        while (true)
        {
            switch (node.Layer)
            {
                case Model inner:
                    node = inner.Outputs[node.Index];
                    break;
                case Flatten or Reshape or Dropout or ActivationLayer { Activation: Layers.Activation.Linear } when node.Inputs.Count == 1:
                    node = node.Inputs[0];
                    break;
                default:
                    return new ModelHead(node.Layer.Name, model.Outputs[output].Shape, ActivationOf(node.Layer));
            }
        }
    }

    private static Activation? ActivationOf(Layer layer) => layer switch
    {
        Dense dense => dense.Activation,
        Convolution convolution => convolution.Activation,
        ActivationLayer activation => activation.Activation,
        Softmax => Layers.Activation.Softmax,
        ReLU => Layers.Activation.ReLU,
        _ => null,
    };
}
