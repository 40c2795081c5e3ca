using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>
/// Kernels that move numbers in packs of 16 bytes, on the emulated GPU with every access checked, against the Reference set: sizes with and without a rest, one number, addresses that are
/// and are no multiples of a pack, with each beta.
/// </summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaPacksTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private static readonly Dictionary<string, Case> s_cases = Cases().ToDictionary(c => c.Name);

    private delegate void Run(KernelSet kernels, DevicePtr<float>[] x, DevicePtr<int> ids, DevicePtr<float> y, float beta);

    // Sizes of what a kernel reads, whole numbers that it reads, the size of what it writes, and whether it has a beta.
    private sealed record Case(string Name, int[] Inputs, int Output, Run Run, bool HasBeta = true, int[]? Ids = null);

    public static TheoryData<string> Names => new(s_cases.Keys);

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(Names))]
    public void Results_are_the_references_at_every_address(string name)
    {
        emulator.Begin(name);
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu();
        Case test = s_cases[name];
        foreach (int offset in new[] { 0, 1 })
        {
            foreach (float beta in test.HasBeta ? [0, 1] : new[] { 0f })
            {
                float[] expected = Numbers(KernelSet.Reference, test, beta, 0), actual = Numbers(gpu.Kernels, test, beta, offset);
                for (int i = 0; i < expected.Length; i++)
                    Assert.True(Math.Abs(expected[i] - actual[i]) <= 2e-6f * Math.Max(1, Math.Abs(expected[i])), $"Offset {offset}, beta {beta}, number {i}: {actual[i]} for {expected[i]}."); // some roundings
            }
        }
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Rounding_at_odd_addresses_is_that_of_packs(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Rounding_at_odd_addresses_is_that_of_packs)} {precision}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        const int Count = 1003;
        MemoryKernels memory = gpu.Kernels.Memory;
        NarrowKernels narrow = gpu.Kernels.In(precision).Narrow;
        DevicePtr<float> x = New(memory, KernelBlocks.Numbers(Count + 1, 1, -100, 100)), back = New(memory, new float[Count + 1]);
        var y = new DevicePtr<ushort>(memory.Allocate(2L * (Count + 1)));
        narrow.Round(x, y, Count);
        narrow.Widen(y, back, Count);
        float[] packed = Read(memory, back, Count);
        foreach ((int from, int to) in new[] { (0, 1), (0, 0) })
        {
            narrow.Round(x.At(from), y.At(to), Count);
            narrow.Widen(y.At(to), back.At(1 - to), Count);
            Assert.Equal(packed, Read(memory, back.At(1 - to), Count));
        }
        foreach (nint block in new[] { x.Address, back.Address, y.Address })
            memory.Free(block);
    }

    private static IEnumerable<Case> Cases()
    {
        foreach (BinaryFormula formula in Enum.GetValues<BinaryFormula>())
        {
            foreach ((int[] a, int[] b) in new (int[], int[])[] { ([1], [1]), ([1027], [1027]), ([2, 1030], [1]), ([1], [515]), ([7, 12], [12]), ([7, 12], [7, 1]), ([7, 1], [12]), ([3, 5, 8], [3, 1, 8]), ([7, 5], [5]), ([2, 3, 4, 8], [2, 1, 4, 1]) })
                yield return Binary(formula, a, b);
            foreach ((int[] a, int[] b) in new (int[], int[])[] { ([1], [1]), ([1028], [1028]), ([1027], [1027]), ([7, 12], [12]), ([7, 1], [12]), ([3, 5, 8], [3, 1, 8]), ([7, 5], [5]) })
            {
                BinaryGeometry g = BinaryGeometry.Of(formula, a, b);
                int count = (int)g.Count;
                yield return new($"{formula} {Text(a)} {Text(b)}, gradient of a", [Product(a), Product(b), count], count, (k, x, _, y, beta) => k.Binary.BackwardA(g, x[0], x[1], x[2], y, beta));
                yield return new($"{formula} {Text(a)} {Text(b)}, gradient of b", [Product(a), Product(b), count], count, (k, x, _, y, beta) => k.Binary.BackwardB(g, x[0], x[1], x[2], y, beta));
            }
        }
        foreach (UnaryFormula formula in new[] { UnaryFormula.ReLU, UnaryFormula.ReLUMax, UnaryFormula.LeakyReLU, UnaryFormula.Gelu, UnaryFormula.GeluTanh, UnaryFormula.HardSiLU, UnaryFormula.Scale, UnaryFormula.Softplus })
        {
            foreach (int count in new[] { 1, 5, 1027, 2048 })
            {
                var g = new UnaryGeometry(count, formula, 0.4f, 0.7f);
                yield return new($"{formula} {count}", [count], count, (k, x, _, y, _) => k.Unary.Forward(g, x[0], y), HasBeta: false);
                yield return new($"{formula} {count}, gradient", [count, count, count], count, (k, x, _, y, beta) =>
                {
                    k.Unary.Forward(g, x[0], x[1]);
                    k.Unary.BackwardInput(g, x[0], x[1], x[2], y, beta);
                });
            }
        }
        foreach (int count in new[] { 1, 6, 1027 })
        {
            yield return new($"dropout {count}", [count], count, (k, x, _, y, beta) => k.Dropout.BackwardInput(new(count, 0.3f, 7), x[0], y, beta));
            yield return new($"accumulation {count}", [count], count, (k, x, _, y, beta) => k.Memory.Accumulate(x[0], y, count, beta));
            yield return new($"scaled sum {count}", [count], count, (k, x, _, y, _) => k.Gradient.AddScaled(x[0], 0.3f, y, count), HasBeta: false);
            yield return new($"scale {count}", [], count, (k, _, _, y, _) => k.Gradient.Scale(y, count, 0.3f), HasBeta: false);
        }
        foreach ((int[] shape, int[] order) in new (int[], int[])[]
        {
            ([130, 70], [1, 0]), ([64, 128], [1, 0]), ([132, 68], [1, 0]), ([2, 64, 20], [0, 2, 1]), ([3, 33, 17], [0, 2, 1]), ([2, 20, 3, 16], [0, 2, 1, 3]), ([2, 20, 3, 16], [0, 2, 3, 1]), ([2, 3, 16, 20], [3, 1, 0, 2]),
            ([2, 30, 3], [0, 2, 1]), ([2, 3, 30], [0, 2, 1]), ([3, 16, 20, 4], [2, 1, 0, 3]), ([5, 16, 3, 24], [3, 2, 1, 0]), ([1], [0]), ([5, 7, 6], [2, 0, 1]),
        })
        {
            PermuteGeometry g = PermuteGeometry.Of(shape, order);
            int count = Product(shape);
            yield return new($"{Text(shape)} to {Text(order)}", [count], count, (k, x, _, y, _) => k.Permute.Forward(g, x[0], y), HasBeta: false);
            yield return new($"{Text(shape)} to {Text(order)}, gradient", [count], count, (k, x, _, y, beta) => k.Permute.BackwardInput(g, x[0], y, beta));
        }
        foreach ((int outer, int total, int offset, int part) in new[] { (5, 12, 4, 8), (5, 12, 3, 8), (5, 11, 2, 3), (1, 40, 4, 32), (9, 8, 0, 8) })
        {
            yield return new($"slice {outer} {total} {offset} {part}", [outer * total], outer * part, (k, x, _, y, _) => k.Slice.Forward(new(outer, total, offset, part), x[0], y), HasBeta: false);
            yield return new($"slice {outer} {total} {offset} {part}, gradient", [outer * part], outer * total, (k, x, _, y, beta) => k.Slice.BackwardInput(new(outer, total, offset, part), x[0], y, beta));
            yield return new($"concatenation {outer} {total} {offset} {part}", [outer * part], outer * total, (k, x, _, y, _) => k.Concat.Forward(new(outer, total, offset, part), x[0], y), HasBeta: false);
            yield return new($"concatenation {outer} {total} {offset} {part}, gradient", [outer * total], outer * part, (k, x, _, y, beta) => k.Concat.BackwardInput(new(outer, total, offset, part), x[0], y, beta));
        }
        foreach (int c in new[] { 8, 3 })
        {
            foreach ((int window, int stride, Padding2D padding) in new[] { (3, 2, Padding2D.All(1)), (3, 2, new Padding2D(0, 1, 0, 1)), (2, 2, Padding2D.None), (2, 2, Padding2D.All(1)), (3, 1, Padding2D.All(1)), (5, 3, Padding2D.None) })
            {
                var g = new Pool2DGeometry(2, 9, 8, c, window, window, stride, stride, padding, CountPadding: stride == 1);
                int input = 2 * 9 * 8 * c, output = 2 * g.OutH * g.OutW * c;
                string name = $"{window}x{window}/{stride} {padding.Top}{padding.Bottom} of {c}";
                yield return new($"max pool {name}", [input], output, (k, x, _, y, _) => k.Pool2D.MaxForward(g, x[0], y, DevicePtr<int>.Null), HasBeta: false);
                yield return new($"max pool {name}, gradient", [input, output, output, output], input, (k, x, _, y, beta) =>
                {
                    var winners = new DevicePtr<int>(x[2].Address);
                    k.Pool2D.MaxForward(g, x[0], x[1], winners);
                    k.Pool2D.MaxBackward(g, x[3], winners, y, beta);
                });
                yield return new($"average pool {name}", [input], output, (k, x, _, y, _) => k.Pool2D.AverageForward(g, x[0], y), HasBeta: false);
                yield return new($"average pool {name}, gradient", [output], input, (k, x, _, y, beta) => k.Pool2D.AverageBackward(g, x[0], y, beta));
            }
            foreach (Padding2D padding in new[] { Padding2D.All(1), new Padding2D(0, 3, 4, 0) })
            {
                var g = new Pad2DGeometry(2, 5, 4, c, padding);
                int input = 2 * 5 * 4 * c, output = 2 * g.OutH * g.OutW * c;
                yield return new($"padding {padding.Left}{padding.Right} of {c}", [input], output, (k, x, _, y, _) => k.Pad2D.Forward(g, x[0], y), HasBeta: false);
                yield return new($"padding {padding.Left}{padding.Right} of {c}, gradient", [output], input, (k, x, _, y, beta) => k.Pad2D.BackwardInput(g, x[0], y, beta));
            }
            foreach (UpsampleKind kind in Enum.GetValues<UpsampleKind>())
            {
                var g = new Upsample2DGeometry(kind, 2, 4, 3, c, 2, 3);
                yield return new($"{kind} of {c}", [2 * 4 * 3 * c], 2 * 8 * 9 * c, (k, x, _, y, _) => k.Upsample2D.Forward(g, x[0], y), HasBeta: false);
                yield return new($"{kind} of {c}, gradient", [2 * 8 * 9 * c], 2 * 4 * 3 * c, (k, x, _, y, beta) => k.Upsample2D.BackwardInput(g, x[0], y, beta));
            }
        }
        foreach ((int count, int columns) in new[] { (1, 4), (7, 12), (7, 5), (1100, 8), (3, 1032) })
        {
            var random = new Random(count);
            int[] ids = [.. Enumerable.Range(0, count).Select(_ => random.Next(6))];
            var g = new EmbeddingGeometry(count, 6, columns);
            yield return new($"embedding {count} {columns}", [6 * columns], count * columns, (k, x, i, y, _) => k.Embedding.Forward(g, i, x[0], y), HasBeta: false, ids);
            yield return new($"embedding {count} {columns}, gradient", [count * columns], 6 * columns, (k, x, i, y, beta) => k.Embedding.BackwardTable(g, i, x[0], y, beta), HasBeta: true, ids);
        }
    }

    private static Case Binary(BinaryFormula formula, int[] a, int[] b)
    {
        BinaryGeometry g = BinaryGeometry.Of(formula, a, b);
        return new($"{formula} {Text(a)} {Text(b)}", [Product(a), Product(b)], (int)g.Count, (k, x, _, y, _) => k.Binary.Forward(g, x[0], x[1], y), HasBeta: false);
    }

    private static int Product(int[] shape) => shape.Aggregate(1, (a, b) => a * b);

    private static string Text(int[] shape) => $"[{string.Join(',', shape)}]";

    /// <summary>What a case writes, with all arrays so many numbers behind the beginning of a block.</summary>
    private static float[] Numbers(KernelSet kernels, Case test, float beta, int offset)
    {
        DevicePtr<float> Block(int count, int seed) => New(kernels.Memory, [.. new float[offset], .. KernelBlocks.Numbers(count, seed, 0.2f, 1.5f).Select((v, i) => i % 3 == 0 ? -v : v)]);
        DevicePtr<float>[] x = [.. test.Inputs.Select(Block)];
        DevicePtr<float> y = Block(test.Output, 99);
        var ids = new DevicePtr<int>(kernels.Memory.Allocate(sizeof(int) * (long)Math.Max(1, test.Ids?.Length ?? 0)));
        kernels.Memory.Upload<int>(test.Ids ?? [0], ids);
        test.Run(kernels, Array.ConvertAll(x, b => b.At(offset)), ids, y.At(offset), beta);
        float[] values = Read(kernels.Memory, y.At(offset), test.Output);
        foreach (nint block in x.Select(b => b.Address).Append(y.Address).Append(ids.Address))
            kernels.Memory.Free(block);
        return values;
    }
}
