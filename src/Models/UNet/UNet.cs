using Graft.Kernels;
using Graft.Layers;

namespace Graft.Models;

/// <summary>A class for each pixel from any network of images: the way down is that network, the way up a small decoder that sees at each size what the network knew there.</summary>
/// <remarks>
/// Ronneberger et al. 2015, arXiv:1505.04597, with a pretrained network for the contracting path, as Iglovikov and Shvets 2018, arXiv:1801.05746. A 1x1 convolution makes few channels of the last feature map. A step
/// upwards enlarges (bilinear), joins the network's last feature map of that size, and applies a 3x3 convolution, batch normalization and ReLU; a 1x1 convolution then gives each pixel its logits.
/// </remarks>
public static class UNet
{
    private const int FewestFilters = 16;
    private const double Larger = 1.5; // 147 and 149 pixels, between which a convolution without padding lies, are one size

    /// <summary>Builds the network: [N,H,W,3] to logits [N,H,W,K].</summary>
    /// <param name="encoder">
    /// A network from one image to a feature map [H,W,C], as without its classifier. Its layers are shared and stand as one model of several outputs, by its name, in the new one: frozen or not, as they are.
    /// </param>
    /// <param name="classes">K, two or more; the background is one.</param>
    /// <param name="filters">Channels below and of the first step upwards; each has half as many as the one before, 16 at least.</param>
    /// <returns>The network, with the encoder's <see cref="Model.Preprocessing"/>.</returns>
    /// <exception cref="GraftException">The encoder has several inputs or outputs, or ends in no feature map, or there are fewer classes or filters.</exception>
    public static Model Build(Model encoder, int classes, int filters = 128)
    {
        if (classes < 2 || filters < FewestFilters)
            throw new GraftException($"UNet: {classes} classes and {filters} filters; take 2 classes or more (the background is one), and {FewestFilters} filters or more.");
        IReadOnlyList<Node> scales = Scales(encoder);
        var down = new Model([InputOf(scales[0])], scales, encoder.Name);
        string again = Unused(down); // a U-Net on a U-Net
        Node image = Node.Input(encoder.Inputs[0].Shape);
        IReadOnlyList<Node> features = down.Apply(image).Outputs;
        Node x = Convolve(features[0], filters, size: 1, "bottom", again); // few channels are enlarged, and what is kept of a frozen network is what it gives
        for (int i = 1; i < features.Count; i++)
        {
            x = new Concatenate { Name = $"up{i}_join{again}" }.Apply(Enlarge(x, features[i].Shape, $"up{i}_enlarge{again}"), features[i]);
            x = Convolve(x, filters, size: 3, $"up{i}", again);
            filters = Math.Max(FewestFilters, filters / 2);
        }
        x = new Conv2D(classes, 1) { Name = $"logits{again}" }.Apply(x);
        return new Model(image, Enlarge(x, image.Shape, $"pixels{again}"), "unet") { Preprocessing = encoder.Preprocessing };
    }

    /// <summary>
    /// The feature maps of a network that a decoder joins, from the last one to larger ones: of each size the last that all of the network goes through, so that it is the output of a block and not one of its inner layers. A
    /// size is at least 1.5 times the one before, along both sides.
    /// </summary>
    /// <exception cref="GraftException">The network has several inputs or outputs, or ends in no feature map.</exception>
    public static IReadOnlyList<Node> Scales(Model encoder)
    {
        if (encoder.Inputs.Count != 1 || encoder.Outputs.Count != 1 || encoder.Inputs[0].Shape.Rank != 3 || encoder.Outputs[0].Shape.Rank != 3)
            throw new GraftException($"UNet: model '{encoder.Name}' leads from {string.Join(", ", encoder.Inputs.Select(i => i.Shape))} to {string.Join(", ", encoder.Outputs.Select(o => o.Shape))}; an encoder leads from one image to one feature map, both [H,W,C]. Build it without its classifier (includeTop: false).");
        Node last = Unfold(encoder.Outputs[0], new() { [encoder.Inputs[0]] = encoder.Inputs[0] });
        var scales = new List<Node> { last };
        foreach (Node node in Narrows(new Model([encoder.Inputs[0]], [last]).Nodes).Reverse())
        {
            if (node.Shape.Rank == 3 && node.Shape[0] >= Larger * scales[^1].Shape[0] && node.Shape[1] >= Larger * scales[^1].Shape[1])
                scales.Add(node);
        }
        return scales;
    }

    /// <summary>Nodes behind some weight that no edge of the graph leads around, in its order; those that only move pixels are none.</summary>
    private static IEnumerable<Node> Narrows(IReadOnlyList<Node> order)
    {
        Dictionary<Node, int> lastReader = order.Index().SelectMany(n => n.Item.Inputs.Select(i => (Input: i.Outputs[0], n.Index))).GroupBy(r => r.Input).ToDictionary(g => g.Key, g => g.Max(r => r.Index));
        int reached = 0;
        bool isWeighted = false;
        for (int i = 0; i < order.Count; i++)
        {
            isWeighted |= order[i].Layer.Parameters.Count > 0;
            if (reached <= i && isWeighted && order[i].Layer is not (ZeroPadding2D or Cropping2D or Permute or Reshape))
                yield return order[i];
            reached = Math.Max(reached, lastReader.GetValueOrDefault(order[i]));
        }
    }

    /// <summary>The same computation with the layers of models inside in their place; a layer is shared, not copied.</summary>
    private static Node Unfold(Node node, Dictionary<Node, Node> known)
    {
        if (known.TryGetValue(node, out Node? there))
            return there;
        Node[] inputs = [.. node.Inputs.Select(i => Unfold(i, known))];
        IReadOnlyList<Node> outputs = node.Outputs;
        if (node.Layer is Model inner)
        {
            var inside = new Dictionary<Node, Node>(inner.Inputs.Zip(inputs, KeyValuePair.Create));
            outputs = [.. inner.Outputs.Select(o => Unfold(o, inside))];
        }
        else if (!inputs.SequenceEqual(node.Inputs))
        {
            outputs = node.Layer.Apply(inputs).Outputs;
        }
        for (int i = 0; i < outputs.Count; i++)
            known[node.Outputs[i]] = outputs[i];
        return known[node];
    }

    /// <summary>What behind the names of the decoder's layers makes them other than those of the network, with which they would clash once this one is unfolded.</summary>
    private static string Unused(Model down)
    {
        string ending = "";
        for (int n = 2; down.Layers.Any(l => l.Name == $"bottom_conv{ending}"); n++)
            ending = $"_{n}";
        return ending;
    }

    private static Node Convolve(Node x, int filters, int size, string step, string ending)
    {
        x = new Conv2D(filters, size) { Name = $"{step}_conv{ending}", Padding = Padding.Same, UseBias = false, KernelInitializer = Initializers.HeNormalConv }.Apply(x);
        x = new BatchNormalization { Name = $"{step}_norm{ending}", Momentum = 0.9f }.Apply(x); // 0.99 takes hundreds of steps to follow
        return new ReLU { Name = $"{step}_relu{ending}" }.Apply(x);
    }

    private static Node InputOf(Node node) => node.Layer is InputLayer ? node : InputOf(node.Inputs[0]);

    private static Node Enlarge(Node x, Shape size, string name)
    {
        (int height, int width) = (size[0], size[1]);
        if (x.Shape[0] == height && x.Shape[1] == width)
            return x;
        Layer layer = height % x.Shape[0] == 0 && width % x.Shape[1] == 0
            ? new UpSampling2D(height / x.Shape[0], width / x.Shape[1]) { Name = name, Interpolation = UpsampleKind.Bilinear }
            : new Resizing(height, width) { Name = name };
        return layer.Apply(x);
    }
}
