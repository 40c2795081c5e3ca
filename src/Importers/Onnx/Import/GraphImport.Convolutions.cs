using Graft.Kernels;
using Graft.Layers;

namespace Graft.Importers.Onnx;

/// <content>Convolutions, pooling, normalisation and resizing: places with their channels last.</content>
internal sealed partial class GraphImport
{
    /// <summary>A window over one to three axes of places, as a node describes it.</summary>
    private sealed record Taps(int[] Size, int[] Strides, int[] Dilations, int[] Before, int[] After)
    {
        public Padding2D Border => new(Before[0], After[0], Before[1], After[1]);

        public bool IsPadded => Before.Concat(After).Any(p => p > 0);
    }

    private Taps Window(Shape places, int[] size)
    {
        int count = size.Length;
        int[] Numbers(string name) => Integers(name) is { } given ? [.. given.Select(v => checked((int)v))] : [.. Enumerable.Repeat(1, count)];
        int[] strides = Numbers("strides"), dilations = Numbers("dilations");
        if (strides.Length != count || dilations.Length != count)
            throw Refuse($"has {strides.Length} strides and {dilations.Length} dilations for a window of {count} axes");
        string rule = Text("auto_pad", "NOTSET");
        int[] before = new int[count], after = new int[count];
        for (int i = 0; i < count && rule.StartsWith("SAME", StringComparison.Ordinal); i++)
        {
            int total = Math.Max(0, ((places[i] + strides[i] - 1) / strides[i] - 1) * strides[i] + (size[i] - 1) * dilations[i] + 1 - places[i]), less = total / 2;
            (before[i], after[i]) = rule == "SAME_LOWER" ? (total - less, less) : (less, total - less);
        }
        if (rule == "NOTSET" && Integers("pads") is { } pads)
        {
            if (pads.Length != 2 * count || pads.Any(p => p < 0))
                throw Refuse($"has pads [{string.Join(',', pads)}]; {2 * count} of 0 or more are due");
            (before, after) = ([.. pads[..count].Select(p => (int)p)], [.. pads[count..].Select(p => (int)p)]);
        }
        return new Taps(size, strides, dilations, before, after);
    }

    /// <summary>Zeros around the places of a node.</summary>
    private Node Bordered(Node x, int[] before, int[] after) => before.Concat(after).All(p => p == 0) ? x : before.Length switch
    {
        1 => Aid(new ZeroPadding1D(before[0], after[0]), x),
        2 => Aid(new ZeroPadding2D(new Padding2D(before[0], after[0], before[1], after[1])), x),
        _ => Aid(new ZeroPadding3D(new Padding3D(before[0], after[0], new Padding2D(before[1], after[1], before[2], after[2]))), x),
    };

    /// <summary>The summand for each of so many channels: an input of the node, or of the addition that alone reads its output.</summary>
    private float[]? Bias(int input, int channels, int rank, bool channelsLast)
    {
        if (Has(input))
            return Weights(input, "bias").Floats;
        string output = _node.Outputs[0];
        if (_file.Outputs.Exists(o => o.Name == output) || !_readers.TryGetValue(output, out List<OnnxModelNode>? readers) || readers is not [{ Op: "Add" } add])
            return null;
        string other = add.Inputs[0] == output ? add.Inputs[1] : add.Inputs[0];
        if (!_constants.TryGetValue(other, out ImportedConstant? constant) || constant.Count != channels)
            return null;
        int[] dims = [.. Enumerable.Repeat(1, Math.Max(0, rank - constant.Dims.Length)), .. constant.Dims];
        if (dims.Length != rank || dims[channelsLast ? rank - 1 : 1] != channels)
            return null;
        _merged.Add(add);
        _node.Outputs[0] = add.Outputs[0];
        return constant.Floats;
    }

    private void AddConv()
    {
        ImportedConstant weight = Weights(1, "weights"); // [O,C/group,..]
        Node x = Places(ValueAt(0));
        int[] dims = weight.Dims;
        int count = dims.Length - 2, filters = dims[0], group = (int)Integer("group", 1);
        if (count is < 1 or > 3 || x.Shape.Rank != count + 1)
            throw Refuse($"has weights [{string.Join(',', dims)}] for samples {x.Shape}; convolutions over one to three axes are known");
        Taps taps = Window(x.Shape, dims[2..]);
        float[]? bias = Bias(2, filters, dims.Length, channelsLast: false);
        bool hasBias = bias is not null, isDepthwise = count == 2 && group > 1 && group == x.Shape[2] && dims[1] == 1 && filters % group == 0;
        if (count != 2)
            x = Bordered(x, taps.Before, taps.After);
        Layer layer = (count, isDepthwise) switch
        {
            (1, _) => new Conv1D(filters, taps.Size[0]) { Strides = taps.Strides[0], Dilation = taps.Dilations[0], Groups = group, UseBias = hasBias },
            (2, true) => new DepthwiseConv2D(taps.Size[0], taps.Size[1])
            {
                DepthMultiplier = filters / group, Strides = Two(taps.Strides), Dilation = Two(taps.Dilations), ExplicitPadding = taps.Border, UseBias = hasBias,
            },
            (2, _) => new Conv2D(filters, taps.Size[0], taps.Size[1])
            {
                Strides = Two(taps.Strides), Dilation = Two(taps.Dilations), ExplicitPadding = taps.Border, Groups = group, UseBias = hasBias,
            },
            _ => new Conv3D(filters, taps.Size[0], taps.Size[1], taps.Size[2]) { Strides = Three(taps.Strides), Dilation = Three(taps.Dilations), Groups = group, UseBias = hasBias },
        };
        Node y = Apply(layer, x);
        int[] channelsLast = [0, .. Enumerable.Range(2, count), 1]; // [O,C,..] -> [O,..,C]
        if (isDepthwise) // [C M,1,R,S] -> [R,S,C,M]
            Fill(layer, "kernel", AxisPermutation.Of(weight.Floats, new Shape(group, filters / group, dims[2], dims[3]), [2, 3, 0, 1]));
        else
            Fill(layer, "kernel", AxisPermutation.Of(weight.Floats, new Shape(dims), channelsLast));
        if (bias is not null)
            Fill(layer, "bias", bias);
        SetPlaces(y);
    }

    private static (int, int) Two(int[] n) => (n[0], n[1]);

    private static (int, int, int) Three(int[] n) => (n[0], n[1], n[2]);

    private void AddConvTranspose()
    {
        ImportedConstant weight = Weights(1, "weights"); // [I,O/group,..]
        Node x = Places(ValueAt(0));
        int[] dims = weight.Dims;
        int count = dims.Length - 2, filters = dims[1];
        if (count is < 1 or > 3 || x.Shape.Rank != count + 1 || Integer("group", 1) != 1 || Integers("output_shape") is not null || Text("auto_pad", "NOTSET") is not ("NOTSET" or "VALID"))
            throw Refuse($"has weights [{string.Join(',', dims)}], {Integer("group", 1)} groups, auto_pad {Text("auto_pad", "NOTSET")} or an output_shape; transposed convolutions over one to three axes in one group with explicit pads are known");
        Taps taps = Window(x.Shape, dims[2..]);
        int[] extra = Integers("output_padding") is { } given ? [.. given.Select(e => (int)e)] : new int[count];
        float[]? bias = Bias(2, filters, dims.Length, channelsLast: false);
        bool hasBias = bias is not null;
        Layer layer = count switch
        {
            1 => new Conv1DTranspose(filters, taps.Size[0]) { Strides = taps.Strides[0], Dilation = taps.Dilations[0], OutputPadding = extra[0], UseBias = hasBias },
            2 => new Conv2DTranspose(filters, taps.Size[0], taps.Size[1]) { Strides = Two(taps.Strides), Dilation = Two(taps.Dilations), OutputPadding = Two(extra), UseBias = hasBias },
            _ => new Conv3DTranspose(filters, taps.Size[0], taps.Size[1], taps.Size[2]) { Strides = Three(taps.Strides), Dilation = Three(taps.Dilations), OutputPadding = Three(extra), UseBias = hasBias },
        };
        Node y = Apply(layer, x);
        Fill(layer, "kernel", AxisPermutation.Of(weight.Floats, new Shape(dims), [0, .. Enumerable.Range(2, count), 1])); // [I,O,..] -> [I,..,O]
        if (bias is not null)
            Fill(layer, "bias", bias);
        SetPlaces(taps.IsPadded ? Cropped(y, taps.Before, taps.After) : y); // pads are cut off the whole
    }

    private Node Cropped(Node x, int[] before, int[] after) => before.Length switch
    {
        1 => Aid(new Cropping1D(before[0], after[0]), x),
        2 => Aid(new Cropping2D(new Padding2D(before[0], after[0], before[1], after[1])), x),
        _ => Aid(new Cropping3D(new Padding3D(before[0], after[0], new Padding2D(before[1], after[1], before[2], after[2]))), x),
    };

    private void AddPool(PoolKind kind)
    {
        OneOutput();
        Node x = Places(ValueAt(0));
        int[] size = Integers("kernel_shape") is { } given ? [.. given.Select(s => (int)s)] : throw Refuse("has no kernel_shape");
        Taps taps = Window(x.Shape, size);
        if (size.Length is < 1 or > 3 || x.Shape.Rank != size.Length + 1 || taps.Dilations.Any(d => d != 1))
            throw Refuse($"has a window of {string.Join('x', size)} with dilations {string.Join(',', taps.Dilations)} for samples {x.Shape}; windows over one to three axes without dilation are known");
        bool rounds = Integer("ceil_mode", 0) == 1;
        if (kind == PoolKind.Average && Integer("count_include_pad", 0) == 1 && taps.IsPadded)
        {
            if (rounds)
                throw Refuse("counts its padding and rounds up, which together is not known");
            x = Bordered(x, taps.Before, taps.After);
            taps = taps with { Before = new int[size.Length], After = new int[size.Length] };
        }
        else if (rounds)
        {
            taps = taps with { After = [.. taps.After.Select((a, i) => a + Missing(x.Shape[i] + taps.Before[i] + a - size[i], taps.Strides[i]))] };
        }
        SetPlaces(Pooled(kind, x, taps));
    }

    // Rows that a last window, which would be left out, lacks.
    private static int Missing(int span, int stride) => span % stride == 0 ? 0 : stride - span % stride;

    private Node Pooled(PoolKind kind, Node x, Taps taps)
    {
        if (taps.Size.Length == 1) // as an image of one row, whose window can be padded
        {
            Node row = Aid(new Reshape(1, x.Shape[0], x.Shape[1]), x);
            row = Pooled(kind, row, new Taps([1, taps.Size[0]], [1, taps.Strides[0]], [1, 1], [0, taps.Before[0]], [0, taps.After[0]]));
            return Aid(new Reshape(row.Shape[1], row.Shape[2]), row);
        }
        if (taps.Size.Length == 2)
        {
            return Apply(kind == PoolKind.Max ? new MaxPooling2D { PoolSize = Two(taps.Size), Strides = Two(taps.Strides), ExplicitPadding = taps.Border }
                : new AveragePooling2D { PoolSize = Two(taps.Size), Strides = Two(taps.Strides), ExplicitPadding = taps.Border }, x);
        }
        bool isSame = taps.Size.Select((s, i) => Math.Max(0, ((x.Shape[i] + taps.Strides[i] - 1) / taps.Strides[i] - 1) * taps.Strides[i] + s - x.Shape[i]))
            .Select((total, i) => taps.Before[i] == total / 2 && taps.After[i] == total - total / 2).All(same => same);
        if (taps.IsPadded && !isSame)
            throw Refuse($"pads volumes by [{string.Join(',', taps.Before.Concat(taps.After))}]; no padding and that of 'same' are known for volumes");
        Padding padding = isSame ? Padding.Same : Padding.Valid;
        return Apply(kind == PoolKind.Max ? new MaxPooling3D { PoolSize = Three(taps.Size), Strides = Three(taps.Strides), Padding = padding }
            : new AveragePooling3D { PoolSize = Three(taps.Size), Strides = Three(taps.Strides), Padding = padding }, x);
    }

    private void AddGlobalPool(ReduceFormula formula) => SetPlaces(GloballyPooled(formula, Places(ValueAt(0)), keepDims: true));

    private Node GloballyPooled(ReduceFormula formula, Node x, bool keepDims) => Apply((x.Shape.Rank, formula) switch
    {
        (2, ReduceFormula.Mean) => new GlobalAveragePooling1D { KeepDims = keepDims },
        (2, _) => new GlobalMaxPooling1D { KeepDims = keepDims },
        (3, ReduceFormula.Mean) => new GlobalAveragePooling2D { KeepDims = keepDims },
        (3, _) => new GlobalMaxPooling2D { KeepDims = keepDims },
        (4, ReduceFormula.Mean) => new GlobalAveragePooling3D { KeepDims = keepDims },
        (4, _) => new GlobalMaxPooling3D { KeepDims = keepDims },
        _ => throw Refuse($"pools samples {x.Shape}; sequences, images and volumes are known"),
    }, x);

    /// <summary>Mean or maximum over all places: all axes but that of samples and one other.</summary>
    private void AddReduce(ReduceFormula formula)
    {
        ImportedValue x = Plain(ValueAt(0));
        int[] axes = [.. (Integers("axes", 1) ?? []).Select(a => Axis(a, x.Rank))];
        bool keepDims = Integer("keepdims", 1) == 1;
        int[] rest = [.. Enumerable.Range(0, x.Rank).Where(i => !axes.Contains(i))];
        int samples = Array.FindIndex(rest, a => x.Order[a] == 0); // second behind a recurrent layer
        if (rest.Length != 2 || samples < 0 || x.Rank is < 3 or > 5)
            throw Refuse($"runs over axes {string.Join(',', axes)} of {x.Rank}; it is known over all places, where the samples and one other axis, the channels, stay");
        int channels = rest[1 - samples];
        int[] order = x.Order[channels] == x.Rank - 1 ? x.Order : OnnxAxes.Between([rest[samples], .. axes.Order(), channels], OnnxAxes.Identity(x.Rank));
        Node y = GloballyPooled(formula, As(x, order), keepDims);
        Set(new ImportedValue(y, keepDims ? order : [samples, 1 - samples]));
    }

    private void AddBatchNorm()
    {
        OneOutput();
        if (Integer("training_mode", 0) == 1)
            throw Refuse("is in training mode; export the model for inference");
        Node x = Places(ValueAt(0));
        var layer = new BatchNormalization { Epsilon = Float("epsilon", 1e-5f), Momentum = Float("momentum", 0.9f) };
        Node y = Apply(layer, x);
        string[] names = ["gamma", "beta", "moving_mean", "moving_variance"];
        for (int i = 0; i < names.Length; i++)
            Fill(layer, names[i], Weights(i + 1, names[i]).Floats);
        SetPlaces(y);
    }

    private void AddInstanceNorm()
    {
        Node x = Places(ValueAt(0));
        var layer = new GroupNormalization(-1) { Epsilon = Float("epsilon", 1e-5f) };
        Node y = Apply(layer, x);
        Fill(layer, "gamma", Weights(1, "scale").Floats);
        Fill(layer, "beta", Weights(2, "bias").Floats);
        SetPlaces(y);
    }

    private void AddLayerNorm()
    {
        OneOutput();
        ImportedValue x = ValueAt(0);
        int axis = Axis(Integer("axis", -1), x.Rank);
        if (axis == 0)
            throw Refuse("runs over the axis of samples");
        var layer = new LayerNormalization { Epsilon = Float("epsilon", 1e-5f), Axes = [.. Enumerable.Range(axis, x.Rank - axis)], Center = Has(2) };
        Node y = Apply(layer, As(x, OnnxAxes.Identity(x.Rank)));
        Fill(layer, "gamma", Weights(1, "scale").Floats);
        if (Has(2))
            Fill(layer, "beta", Weights(2, "bias").Floats);
        Set(new ImportedValue(y, OnnxAxes.Identity(x.Rank)));
    }
}
