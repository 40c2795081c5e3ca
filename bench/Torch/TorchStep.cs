using Graft.Bench.Quick;
using Graft.Kernels;
using Graft.Layers;
using Graft.Training;
using TorchSharp;
using Padding = Graft.Layers.Padding;
using Weight = TorchSharp.Modules.Parameter;

namespace Graft.Bench.Torch;

/// <summary>
/// A training step in libtorch: the same graph, weights, images, loss and optimizer as <see cref="GraftStep"/>, images in planes. What is frozen runs without
/// recording, on moving statistics.
/// </summary>
/// <remarks>Knows the layers of VGG and ResNet with their heads and says so where a model has others.</remarks>
internal sealed class TorchStep : IDisposable
{
    private readonly Model _model;
    private readonly Dictionary<Parameter, Weight> _weights = [];
    private readonly torch.Tensor _images, _labels;
    private readonly torch.optim.Optimizer _optimizer;
    private readonly bool _isBinary;

    public TorchStep(StepCase of)
    {
        _model = of.Open();
        foreach (Parameter p in _model.Parameters.Distinct())
        {
            torch.Tensor values = torch.tensor(p.Value.ToArray(), [.. p.Shape.Select(d => (long)d)]);
            if (p.Shape.Rank == 4) // [O,R,S,I] -> [O,I,R,S]
                values = values.permute(0, 3, 1, 2).contiguous();
            _weights.Add(p, new Weight(values, p.IsTrainable));
        }
        Batch batch = of.Images(_model);
        _images = torch.tensor(batch.Inputs, [.. batch.InputShape.Select(d => (long)d)]).permute(0, 3, 1, 2).contiguous();
        _isBinary = of.Classes == 1;
        _labels = _isBinary ? torch.tensor(batch.Labels, [of.Batch, 1]) : torch.tensor([.. batch.Labels.Select(l => (long)l)]);
        _optimizer = torch.optim.SGD(_weights.Where(w => w.Key.IsTrainable).Select(w => w.Value), StepCase.LearningRate, StepCase.Momentum);
        _model.Release(); // its memory is not libtorch's
        _model.Device.Pool.Trim();
    }

    /// <summary>The loss of the last step.</summary>
    public float Loss { get; private set; }

    /// <summary>One step.</summary>
    public void Run()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        _optimizer.zero_grad();
        torch.Tensor logits = Apply(_model, _images);
        torch.Tensor loss = _isBinary ? torch.nn.functional.binary_cross_entropy_with_logits(logits, _labels) : torch.nn.functional.cross_entropy(logits, _labels);
        loss.backward();
        _optimizer.step();
        Loss = loss.item<float>();
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _images.Dispose();
        _labels.Dispose();
        foreach (Weight weight in _weights.Values)
            weight.Dispose();
    }

    private torch.Tensor Apply(Model model, torch.Tensor input)
    {
        Dictionary<Node, torch.Tensor> results = new() { [model.Inputs[0]] = input };
        foreach (Node node in model.Nodes.Where(n => !results.ContainsKey(n)))
            results[node] = Apply(node, [.. node.Inputs.Select(i => results[i])]);
        return results[model.Outputs[0]];
    }

    private torch.Tensor Apply(Node node, torch.Tensor[] x) => node.Layer switch
    {
        Model inner => Apply(inner, x[0]),
        ZeroPadding2D padding => Pad(x[0], padding.Border),
        Conv2D conv => Activate(Convolve(conv, x[0], node.Inputs[0].Shape), conv.Activation),
        BatchNormalization norm => torch.nn.functional.batch_norm(
            x[0], Of(norm, 2), Of(norm, 3), Of(norm, 0), Of(norm, 1), norm.Trainable, 1 - norm.Momentum, norm.Epsilon),
        ReLU => torch.nn.functional.relu(x[0]),
        MaxPooling2D { Padding: Padding.Valid, ExplicitPadding: null } pool => torch.nn.functional.max_pool2d(x[0], pool.PoolSize.Height, pool.Strides.Height),
        Layers.Add => x[0] + x[1],
        GlobalAveragePooling2D => x[0].mean([2, 3]),
        Flatten => x[0].permute(0, 2, 3, 1).flatten(1), // the rows of the dense layer are in the order of [H,W,C]
        Dense dense => Activate(torch.addmm(Of(dense, 1), x[0], Of(dense, 0), 1, 1), dense.Activation),
        _ => throw new GraftException($"libtorch: {node.Layer} is not written here; add it to {nameof(TorchStep)}."),
    };

    private torch.Tensor Convolve(Conv2D conv, torch.Tensor x, Shape image)
    {
        Padding2D border = conv.ExplicitPadding ?? (conv.Padding == Padding.Valid ? Padding2D.None
            : Padding2D.Same(image[0], image[1], conv.FilterSize.Height, conv.FilterSize.Width, conv.Strides.Height, conv.Strides.Width));
        bool isEven = border.Top == border.Bottom && border.Left == border.Right;
        return torch.nn.functional.conv2d(isEven ? x : Pad(x, border), Of(conv, 0), conv.UseBias ? Of(conv, 1) : null,
            strides: [conv.Strides.Height, conv.Strides.Width], padding: isEven ? [border.Top, border.Left] : [0, 0]);
    }

    private static torch.Tensor Pad(torch.Tensor x, Padding2D border) => torch.nn.functional.pad(x, [border.Left, border.Right, border.Top, border.Bottom]);

    private static torch.Tensor Activate(torch.Tensor x, Activation activation) => activation switch
    {
        Activation.Linear => x,
        Activation.ReLU => torch.nn.functional.relu(x),
        _ => throw new GraftException($"libtorch: activation {activation} is not written here; add it to {nameof(TorchStep)}."),
    };

    private Weight Of(Layer layer, int index) => _weights[layer.Parameters[index]];
}
