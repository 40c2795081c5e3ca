namespace Graft.Importers.Onnx;

/// <content>What is made of constants alone: shapes above all, which exporters compute in many nodes.</content>
internal sealed partial class GraphImport
{
    /// <summary>The number of samples in a shape that is computed.</summary>
    private const long SamplesInShape = long.MinValue;

    private static readonly Dictionary<string, Action<GraphImport>> Foldable = new()
    {
        ["Add"] = g => g.FoldBinary((a, b) => a + b, (a, b) => a + b),
        ["Cast"] = g => g.FoldCast(),
        ["Concat"] = g => g.FoldConcat(),
        ["Constant"] = g => g.FoldConstant(),
        ["ConstantOfShape"] = g => g.FoldFilled(),
        ["Div"] = g => g.FoldBinary((a, b) => a / b, (a, b) => a / b),
        ["Gather"] = g => g.FoldGather(),
        ["Identity"] = g => g.Define(g.ConstantAt(0)!),
        ["Mul"] = g => g.FoldBinary((a, b) => a * b, (a, b) => a * b),
        ["Reshape"] = g => g.FoldReshape(),
        ["Slice"] = g => g.FoldSlice(),
        ["Squeeze"] = g => g.FoldSqueeze(),
        ["Sub"] = g => g.FoldBinary((a, b) => a - b, (a, b) => a - b),
        ["Transpose"] = g => g.FoldTranspose(),
        ["Unsqueeze"] = g => g.FoldUnsqueeze(),
    };

    private bool TryFold()
    {
        if (!_node.Inputs.TrueForAll(i => i.Length == 0 || _constants.ContainsKey(i)) || !Foldable.TryGetValue(_node.Op, out Action<GraphImport>? fold))
            return false;
        fold(this);
        return true;
    }

    private void Define(ImportedConstant constant) => _constants[_node.Outputs[0]] = constant;

    private void FoldConstant()
    {
        OnnxAttribute? tensor = _node.Attribute("value");
        if (tensor?.Tensor is { } array)
            Define(Constant(array));
        else if (_node.Attribute("value_float")?.Float is float f)
            Define(new ImportedConstant([], () => [f]));
        else if (_node.Attribute("value_int")?.Integer is long i)
            Define(new ImportedConstant([], [i]));
        else if (_node.Attribute("value_floats") is { } floats)
            Define(new ImportedConstant([floats.Floats.Count], () => [.. floats.Floats]));
        else if (_node.Attribute("value_ints") is { } integers)
            Define(new ImportedConstant([integers.Integers.Count], [.. integers.Integers]));
        else
            throw Refuse("holds neither numbers nor whole numbers");
    }

    private void FoldFilled()
    {
        ImportedConstant? filler = _node.Attribute("value")?.Tensor is { } tensor ? Constant(tensor) : null;
        int[] dims = [.. Whole(0).Select(d => checked((int)(d == SamplesInShape ? throw Refuse("makes a constant for each sample") : d)))];
        long count = dims.Aggregate(1L, (a, d) => a * d);
        if (filler?.Integers is [var whole, ..])
            Define(new ImportedConstant(dims, [.. Enumerable.Repeat(whole, checked((int)count))]));
        else
            Define(new ImportedConstant(dims, () => [.. Enumerable.Repeat(filler?.Floats[0] ?? 0, checked((int)count))]));
    }

    private long[] Whole(int input) => ConstantAt(input)?.Integers ?? throw Refuse($"takes whole numbers as input {input}");

    private void FoldCast()
    {
        ImportedConstant x = ConstantAt(0)!;
        var to = (OnnxType)Integer("to", 0);
        bool isFloat = to is OnnxType.Float or OnnxType.Half or OnnxType.Double or OnnxType.BFloat16;
        Define(isFloat == (x.Integers is null) ? x : isFloat ? new ImportedConstant(x.Dims, () => x.Floats) : new ImportedConstant(x.Dims, Array.ConvertAll(x.Floats, f => (long)f)));
    }

    private void FoldBinary(Func<long, long, long> whole, Func<float, float, float> real)
    {
        ImportedConstant a = ConstantAt(0)!, b = ConstantAt(1)!;
        bool fits = a.Dims.SequenceEqual(b.Dims) || a.Count == 1 || b.Count == 1;
        if (!fits || (a.Integers ?? []).Concat(b.Integers ?? []).Contains(SamplesInShape))
            throw Refuse($"computes with constants [{string.Join(',', a.Dims)}] and [{string.Join(',', b.Dims)}]; such of one shape, or a single number, are computed here, and none with the number of samples");
        int[] dims = a.Count >= b.Count ? a.Dims : b.Dims;
        int count = checked((int)Math.Max(a.Count, b.Count));
        if (a.Integers is { } x && b.Integers is { } y)
            Define(new ImportedConstant(dims, [.. Enumerable.Range(0, count).Select(i => whole(x[i % x.Length], y[i % y.Length]))]));
        else
            Define(new ImportedConstant(dims, () => [.. Enumerable.Range(0, count).Select(i => real(a.Floats[i % a.Floats.Length], b.Floats[i % b.Floats.Length]))]));
    }

    private void FoldConcat()
    {
        ImportedConstant[] parts = [.. Enumerable.Range(0, _node.Inputs.Count).Select(i => ConstantAt(i)!)];
        if (parts.Any(p => p.Dims.Length != 1))
            throw Refuse("joins constants of several axes; lists are joined here");
        int[] dims = [parts.Sum(p => p.Dims[0])];
        if (parts.All(p => p.Integers is not null))
            Define(new ImportedConstant(dims, [.. parts.SelectMany(p => p.Integers!)]));
        else
            Define(new ImportedConstant(dims, () => [.. parts.SelectMany(p => p.Floats)]));
    }

    private void FoldGather()
    {
        ImportedConstant x = ConstantAt(0)!, places = ConstantAt(1)!;
        if (x.Dims.Length != 1 || x.Integers is not { } from || places.Integers is not { } indices)
            throw Refuse($"picks from a constant [{string.Join(',', x.Dims)}]; lists of whole numbers are picked from here");
        Define(new ImportedConstant(places.Dims, [.. indices.Select(i => from[Axis(i, from.Length)])]));
    }

    private void FoldSlice()
    {
        ImportedConstant x = ConstantAt(0)!;
        long[]? starts = Integers("starts", 1), ends = Integers("ends", 2), steps = Integers("steps", 4);
        if (x.Dims.Length != 1 || x.Integers is not { } from || starts is not [var start] || ends is not [var end] || steps is not (null or [1]))
            throw Refuse($"cuts a constant [{string.Join(',', x.Dims)}]; lists of whole numbers are cut here, in steps of 1");
        int first = Clamp(start, from.Length), last = Math.Max(first, Clamp(end, from.Length));
        Define(new ImportedConstant([last - first], from[first..last]));
    }

    private void FoldReshape()
    {
        ImportedConstant x = ConstantAt(0)!;
        long[] target = [.. Whole(1).Select((d, i) => d == 0 ? x.Dims[i] : d)];
        long known = target.Where(d => d != -1).Aggregate(1L, (a, d) => a * d);
        int[] dims = [.. target.Select(d => checked((int)(d != -1 ? d : known == 0 ? 0 : x.Count / known)))];
        Define(dims.Aggregate(1L, (a, d) => a * d) == x.Count ? x.WithDims(dims) : throw Refuse($"makes [{string.Join(',', target)}] of a constant [{string.Join(',', x.Dims)}]"));
    }

    private void FoldSqueeze()
    {
        ImportedConstant x = ConstantAt(0)!;
        int[] axes = Integers("axes", 1) is { } given ? [.. given.Select(a => Axis(a, x.Dims.Length))] : [.. Enumerable.Range(0, x.Dims.Length).Where(i => x.Dims[i] == 1)];
        Define(axes.All(a => x.Dims[a] == 1) ? x.WithDims([.. x.Dims.Where((_, i) => !axes.Contains(i))]) : throw Refuse($"drops axes of [{string.Join(',', x.Dims)}] that are not 1"));
    }

    private void FoldUnsqueeze()
    {
        ImportedConstant x = ConstantAt(0)!;
        long[] given = Integers("axes", 1) ?? throw Refuse("names no axes");
        int rank = x.Dims.Length + given.Length;
        int[] axes = [.. given.Select(a => Axis(a, rank))];
        var dims = new Queue<int>(x.Dims);
        Define(x.WithDims([.. Enumerable.Range(0, rank).Select(i => axes.Contains(i) ? 1 : dims.Dequeue())]));
    }

    private void FoldTranspose()
    {
        ImportedConstant x = ConstantAt(0)!;
        int[] perm = Integers("perm") is { } given ? [.. given.Select(p => Axis(p, x.Dims.Length))] : [.. Enumerable.Range(0, x.Dims.Length).Reverse()];
        Define(new ImportedConstant([.. perm.Select(p => x.Dims[p])], () => AxisPermutation.Of(x.Floats, new Shape(x.Dims), perm)));
    }
}
