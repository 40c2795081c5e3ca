using Graft.Layers;

namespace Graft.Importers.Onnx;

/// <content>Other shapes and other orders of axes, joining and cutting.</content>
internal sealed partial class GraphImport
{
    private const int Samples = ImportedConstant.Samples;

    private void AddTranspose()
    {
        ImportedValue x = ValueAt(0).JoinedFrom is null ? ValueAt(0) : Plain(ValueAt(0));
        int[] perm = Integers("perm") is { } given ? [.. given.Select(p => Axis(p, x.Rank))] : [.. OnnxAxes.Identity(x.Rank).Reverse()];
        if (perm.Length != x.Rank || perm.Distinct().Count() != x.Rank)
            throw Refuse($"has perm [{string.Join(',', perm)}] for {x.Rank} axes");
        Set(x with { Order = Array.ConvertAll(perm, axis => x.Order[axis]) });
    }

    private void AddFlatten()
    {
        ImportedValue x = ValueAt(0);
        int axis = Axis(Integer("axis", 1), x.Rank + 1);
        if (axis != 1 || x.Order[0] != 0)
            throw Refuse($"joins the axis of samples with others (axis {axis})");
        Set(Joined(x));
    }

    /// <summary>[N,..] as [N,F] in the file's order.</summary>
    private ImportedValue Joined(ImportedValue x)
    {
        if (x.Rank == 2)
            return x;
        int[] several = [.. x.Order.Where(a => a == 0 || x.Node.Shape[a - 1] > 1)];
        if (several.SequenceEqual(several.Order()))
            return new ImportedValue(Apply(new Flatten(), Plain(x).Node), [0, 1]);
        x = Plain(x);
        return new ImportedValue(x.Node, [0, 1]) { JoinedFrom = x };
    }

    private void AddReshape()
    {
        ImportedValue x = ValueAt(0);
        long[] target = Has(1) ? Weights(1, "shape").Integers ?? throw Refuse("takes its shape as whole numbers") : Integers("shape") ?? throw Refuse("has no shape");
        Set(Reshaped(x, Resolve(x, target)));
    }

    /// <summary>Extents with the samples marked: 0 is the extent that is there, -1 what is left.</summary>
    private int[] Resolve(ImportedValue x, long[] target)
    {
        int[] dims = x.JoinedFrom is null ? x.Dims : [Samples, checked((int)x.JoinedFrom.Node.Shape.Count)];
        long count = dims.Where(d => d != Samples).Aggregate(1L, (a, d) => a * d);
        bool keepsZero = Integer("allowzero", 0) == 1;
        long[] full = [.. target.Select((d, i) => d == SamplesInShape ? SamplesInShape : d != 0 || keepsZero ? d : i >= dims.Length ? throw Refuse($"keeps extent {i}, which its input does not have") : dims[i] == Samples ? SamplesInShape : dims[i])];
        if (!full.Contains(SamplesInShape) && dims[0] != Samples && Array.IndexOf(full, -1) is var open and >= 0 && full.Where(d => d != -1).Aggregate(1L, (a, d) => a * d) == count)
            full[open] = SamplesInShape; // all else fills one sample: behind a recurrent layer, whose steps come first
        if (!full.Contains(SamplesInShape))
        {
            // The samples are first where the rest fills one of them, whatever number stands there.
            long rest = full.Skip(1).Where(d => d != -1).Aggregate(1L, (a, d) => a * d);
            bool fits = full.Length > 0 && (full.Skip(1).Contains(-1) ? rest > 0 && count % rest == 0 && full[0] != -1 : rest == count);
            if (!fits)
                throw Refuse($"makes [{string.Join(',', target)}] of samples [{string.Join(',', dims.Where(d => d != Samples))}]; the axis of samples must stay by itself");
            full[0] = SamplesInShape;
        }
        long known = full.Where(d => d != SamplesInShape && d != -1).Aggregate(1L, (a, d) => a * d);
        int[] result = [.. full.Select(d => d == SamplesInShape ? Samples : d != -1 ? checked((int)d) : known > 0 && count % known == 0 ? checked((int)(count / known)) : throw Refuse($"makes [{string.Join(',', target)}] of samples of {count} numbers"))];
        return result.Count(d => d == Samples) == 1 && result.Where(d => d != Samples).Aggregate(1L, (a, d) => a * d) == count ? result
            : throw Refuse($"makes [{string.Join(',', target)}] of samples [{string.Join(',', dims.Where(d => d != Samples))}], which have {count} numbers");
    }

    private ImportedValue Reshaped(ImportedValue x, int[] to)
    {
        if (x.JoinedFrom is not null)
            x = to.Length == 2 ? x : Plain(x);
        int[] from = x.JoinedFrom is null ? x.Dims : to;
        if (from.SequenceEqual(to))
            return x;
        x = Plain(x);
        if (from.Where(d => d != 1).SequenceEqual(to.Where(d => d != 1)))
            return WithOnes(x, from, to);
        if (to.Length == 2 && to[0] == Samples && x.Order[0] == 0)
            return Joined(x);
        if (to[0] != Samples)
            throw Refuse($"makes [{string.Join(',', to.Select(d => d == Samples ? "N" : $"{d}"))}], where the samples are not first");
        return new ImportedValue(Apply(new Reshape(to[1..]), As(x, OnnxAxes.Identity(x.Rank))), OnnxAxes.Identity(to.Length));
    }

    /// <summary>Axes of extent 1 come or go; the others stay in the order in which they lie.</summary>
    private ImportedValue WithOnes(ImportedValue x, int[] from, int[] to)
    {
        int[] kept = [.. Enumerable.Range(0, from.Length).Where(i => from[i] != 1)], there = [.. Enumerable.Range(0, to.Length).Where(i => to[i] != 1)];
        // The file's axes in the order of the node's: those that stay as they are now, a new one before the one that follows it.
        List<int> axes = [.. kept.OrderBy(i => x.Order[i]).Select(i => there[Array.IndexOf(kept, i)])];
        bool isImage = to.Length >= 4 && to[0] == Samples && to[^1] == 1; // [N,C,1,1]: the channels last
        for (int axis = to.Length - 1; axis >= 0; axis--)
        {
            if (to[axis] != 1)
                continue;
            int next = axes.IndexOf(axis + 1);
            axes.Insert(next >= 0 ? Math.Max(next, axes.IndexOf(Array.IndexOf(to, Samples)) + 1) : isImage ? 1 : axes.Count, axis);
        }
        int[] order = OnnxAxes.Between([.. axes], OnnxAxes.Identity(to.Length));
        if (axes[0] != Array.IndexOf(to, Samples))
            throw Refuse("puts an axis before that of samples");
        int[] shape = [.. axes.Skip(1).Select(a => to[a])];
        Node node = x.Node.Shape.Dims.SequenceEqual(shape) ? x.Node : Apply(shape.Length == 1 ? new Flatten() : new Reshape(shape), x.Node);
        return new ImportedValue(node, order);
    }

    private void AddSqueeze()
    {
        ImportedValue x = Plain(ValueAt(0));
        int[] dims = x.Dims, axes = Integers("axes", 1) is { } given ? [.. given.Select(a => Axis(a, x.Rank))] : [.. Enumerable.Range(0, x.Rank).Where(i => dims[i] == 1)];
        if (axes.Any(a => dims[a] != 1))
            throw Refuse($"drops axes {string.Join(',', axes)} of [{string.Join(',', dims.Select(d => d == Samples ? "N" : $"{d}"))}]; extents of 1 alone can be dropped, and the samples stay");
        Set(Reshaped(x, [.. dims.Where((_, i) => !axes.Contains(i))]));
    }

    private void AddUnsqueeze()
    {
        ImportedValue x = Plain(ValueAt(0));
        long[] given = Integers("axes", 1) ?? throw Refuse("names no axes");
        int rank = x.Rank + given.Length;
        int[] axes = [.. given.Select(a => Axis(a, rank))];
        var dims = new Queue<int>(x.Dims);
        Set(Reshaped(x, [.. Enumerable.Range(0, rank).Select(i => axes.Contains(i) ? 1 : dims.Dequeue())]));
    }

    private void AddShape()
    {
        ImportedValue x = Plain(ValueAt(0));
        int rank = x.Rank, start = Clamp(Integer("start", 0), rank), end = Clamp(Integer("end", rank), rank);
        long[] dims = [.. x.Dims[start..Math.Max(start, end)].Select(d => d == Samples ? SamplesInShape : d)];
        _constants[_node.Outputs[0]] = new ImportedConstant([dims.Length], dims);
    }

    private static int Clamp(long position, int extent) => (int)Math.Clamp(position < 0 ? position + extent : position, 0, extent);

    private void AddConcat()
    {
        ImportedValue[] values = [.. Enumerable.Range(0, _node.Inputs.Count).Select(ValueAt).Select(Plain)];
        int axis = Axis(Integer("axis", 1), values[0].Rank);
        int[] order = (Array.Find(values, v => !OnnxAxes.IsIdentity(v.Order)) ?? values[0]).Order;
        if (order[axis] == 0)
            throw Refuse("joins along the axis of samples");
        Node[] nodes = Array.ConvertAll(values, v => v.Rank == order.Length ? As(v, order) : throw Refuse("joins tensors of different numbers of axes"));
        Set(new ImportedValue(nodes.Length == 1 ? nodes[0] : Apply(new Concatenate(order[axis]), nodes), order));
    }

    private void AddSlice()
    {
        ImportedValue x = Plain(ValueAt(0));
        long[] starts = Integers("starts", 1) ?? throw Refuse("has no starts"), ends = Integers("ends", 2) ?? throw Refuse("has no ends");
        long[] axes = Integers("axes", 3) ?? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)], steps = Integers("steps", 4) ?? [.. starts.Select(_ => 1L)];
        for (int i = 0; i < starts.Length; i++)
            x = Cut(x, Axis(axes[i], x.Rank), starts[i], ends[i], steps[i]);
        Set(x);
    }

    private ImportedValue Cut(ImportedValue x, int axis, long start, long end, long step)
    {
        int extent = x.Dims[axis];
        if (extent == Samples)
            return start == 0 && end >= int.MaxValue && step == 1 ? x : throw Refuse("cuts the axis of samples");
        if (step == -1 && start is -1 or >= int.MaxValue && end <= -extent - 1)
            return x with { Node = Apply(new Reverse(x.Order[axis]), x.Node) };
        if (step != 1)
            throw Refuse($"takes steps of {step}; 1, and -1 over the whole axis, are known");
        int first = Clamp(start, extent), last = Clamp(end, extent);
        if (last <= first)
            throw Refuse($"takes positions {first} to {last - 1} of an axis of {extent}: nothing");
        return first == 0 && last == extent ? x : x with { Node = Apply(new Slice(x.Order[axis], first, last - first), x.Node) };
    }

    private void AddSplit()
    {
        ImportedValue x = Plain(ValueAt(0));
        int axis = Axis(Integer("axis", 0), x.Rank), extent = x.Dims[axis];
        int parts = _node.Outputs.Count, share = extent == Samples ? throw Refuse("cuts the axis of samples") : (extent + parts - 1) / parts;
        long[] sizes = Integers("split", 1) ?? [.. Enumerable.Range(0, parts).Select(i => (long)Math.Min(share, extent - i * share))];
        for (int i = 0, from = 0; i < parts; from += (int)sizes[i++])
            Set(Cut(x, axis, from, from + sizes[i], 1), i);
    }

    private void AddGather()
    {
        if (ConstantAt(0) is { } table)
        {
            AddEmbedding(table);
            return;
        }
        ImportedValue x = Plain(ValueAt(0));
        ImportedConstant places = Weights(1, "indices");
        int axis = Axis(Integer("axis", 0), x.Rank), extent = x.Dims[axis];
        if (extent == Samples || places.Integers is not { Length: > 0 } indices || places.Dims.Length > 1)
            throw Refuse("picks samples, or by more than a list of whole numbers");
        int[] at = [.. indices.Select(i => i >= -extent && i < extent ? (int)(i < 0 ? i + extent : i) : throw Refuse($"picks position {i} of an axis of {extent}"))];
        ImportedValue[] parts = [.. at.Select(p => Cut(x, axis, p, p + 1, 1))];
        ImportedValue joined = parts.Length == 1 ? parts[0] : x with { Node = Apply(new Concatenate(x.Order[axis]), [.. parts.Select(p => p.Node)]) };
        Set(places.Dims.Length == 1 ? joined : Reshaped(joined, [.. joined.Dims.Where((_, i) => i != axis)])); // one number drops the axis
    }

    private void AddEmbedding(ImportedConstant table)
    {
        ImportedValue ids = Plain(ValueAt(1));
        if (Integer("axis", 0) != 0 || table.Dims.Length != 2)
            throw Refuse($"picks from a constant [{string.Join(',', table.Dims)}] along axis {Integer("axis", 0)}; rows of a table [V,C] are known");
        var layer = new Embedding(table.Dims[0], table.Dims[1]);
        Node node = Apply(layer, As(ids, OnnxAxes.Identity(ids.Rank)));
        Fill(layer, "embeddings", table.Floats);
        Set(new ImportedValue(node, OnnxAxes.Identity(ids.Rank + 1)));
    }

    private void AddPad()
    {
        ImportedValue x = Plain(ValueAt(0));
        long[] pads = Integers("pads", 1) ?? throw Refuse("has no pads");
        float filler = Has(2) ? Weights(2, "value").Single ?? 0 : Float("value", 0);
        if (Integers("axes", 3) is { } axes)
            pads = Spread(pads, [.. axes.Select(a => Axis(a, x.Rank))], x.Rank);
        if (Text("mode", "constant") != "constant" || filler != 0 || pads.Length != 2 * x.Rank || pads.Any(p => p < 0))
            throw Refuse($"fills with mode {Text("mode", "constant")} and {filler}, [{string.Join(',', pads)}]; zeros around an image, a volume or a sequence are known");
        bool[] padded = [.. Enumerable.Range(0, x.Rank).Select(i => pads[i] + pads[i + x.Rank] > 0)];
        if (!padded.Contains(true))
        {
            Set(x);
            return;
        }
        // The channels are the last axis that is not padded, or the one behind the samples.
        int[] order = x.Rank >= 3 && !padded[1] ? OnnxAxes.ChannelsFirst(x.Rank) : OnnxAxes.Identity(x.Rank);
        if (x.Rank is < 3 or > 5 || padded[0] || padded[Array.IndexOf(order, x.Rank - 1)])
            throw Refuse($"pads by [{string.Join(',', pads)}]; the places of images, volumes and sequences are padded here, not their channels and not the samples");
        int[] places = [.. Enumerable.Range(1, x.Rank - 2).Select(a => Array.IndexOf(order, a))];
        Set(new ImportedValue(Bordered(As(x, order), [.. places.Select(p => (int)pads[p])], [.. places.Select(p => (int)pads[p + x.Rank])]), order));
    }

    private static long[] Spread(long[] pads, int[] axes, int rank)
    {
        var full = new long[2 * rank];
        for (int i = 0; i < axes.Length; i++)
            (full[axes[i]], full[axes[i] + rank]) = (pads[i], pads[i + axes.Length]);
        return full;
    }
}
