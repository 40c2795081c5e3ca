using Graft.Importers.Text;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Importers.Text;

/// <summary>Texts to classify, in batches of similar length.</summary>
public sealed class PaddedTextBatchesTests
{
    private const int Pad = 99, Longest = 40, Batch = 4;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Rows_are_cut_and_filled_up_at_the_right()
    {
        Assert.Equal([1, 2, 3, 5, 9, 9, 9, 9, 9], PaddedTextBatches.Rows([[1, 2, 3, 4], [5], []], 3, padToken: 9));
        var data = new PaddedTextBatches([[1], [2, 3]], [1, 0], ["a", "b"], 2, padToken: 9);
        Batch batch = Assert.Single(data.Epoch(0, 0, Token));
        Assert.Equal([1, 9, 2, 3], batch.Inputs);
        Assert.Equal([1, 0], batch.Labels);
        Assert.Equal((LabelKind.Sparse, "texts_per_second"), (data.LabelKind, data.Unit.Column));
        Assert.Equal([9], Assert.Single(new PaddedTextBatches([[]], [0], ["a", "b"], 2, padToken: 9).Epoch(0, 0, Token)).Inputs); // a row has one token or more
        Assert.Throws<GraftException>(() => new PaddedTextBatches([], [], ["a", "b"], 2, padToken: 9));
        Assert.Throws<GraftException>(() => new PaddedTextBatches([[1]], [0, 1], ["a", "b"], 2, padToken: 9));
    }

    [Fact]
    public void An_epoch_has_each_text_once_with_its_tokens_and_class_and_rows_no_longer_than_its_group_needs()
    {
        int[][] texts = Texts(101);
        PaddedTextBatches data = Of(texts, seed: 3);
        var batches = data.Epoch(0, 0, Token).ToList();
        Assert.Equal(data.BatchesPerEpoch, batches.Count);
        Assert.Equal(Enumerable.Range(0, 101), batches.SelectMany(b => b.Indices).Order());
        Assert.Equal([1, Batch], batches.Select(b => b.Size).Distinct().Order());
        foreach (Batch batch in batches)
        {
            int length = batch.InputShape[1];
            Assert.Equal(new Shape(batch.Size, length), batch.InputShape);
            Assert.Equal(PaddedTextBatches.Rows([.. batch.Indices.Select(i => texts[i])], length, Pad), batch.Inputs);
            Assert.Equal(batch.Indices.Select(i => (float)(i % 2)), batch.Labels);
            Assert.All(batch.Indices, i => Assert.True(Math.Min(Longest, texts[i].Length) <= length)); // nothing is cut that fits
        }
        int padded = batches.Sum(b => b.Inputs.Length), tokens = texts.Sum(t => Math.Min(Longest, t.Length));
        Assert.True(padded < 1.25 * tokens, $"{padded} places for {tokens} tokens"); // to the longest: 1.8
        Assert.Contains(batches, b => b.InputShape[1] == Longest);
    }

    [Fact]
    public void Order_and_neighbours_change_from_epoch_to_epoch_and_the_length_of_a_texts_row_does_not()
    {
        PaddedTextBatches data = Of(Texts(101), seed: 3), same = Of(Texts(101), seed: 3), other = Of(Texts(101), seed: 4);
        int[][] first = Rows(data, 0), second = Rows(data, 1);
        Assert.Equal(first, Rows(same, 0));
        Assert.NotEqual(first, second);
        Assert.NotEqual(first, Rows(other, 0));
        Assert.NotEqual(first.Select(b => string.Join(' ', b.Order())).Order(StringComparer.Ordinal), second.Select(b => string.Join(' ', b.Order())).Order(StringComparer.Ordinal));
        Assert.Equal(Lengths(data, 0), Lengths(data, 1));
        int[] lengths = [.. data.Epoch(0, 0, Token).Select(b => b.InputShape[1])];
        Assert.NotEqual(lengths.Order(), lengths); // short texts do not all come first
        Assert.Equal(first[5..], [.. data.Epoch(0, 5, Token).Select(b => b.Indices)]);
        Batch without = data.EpochWithoutInputs(1, 2, Token).First();
        Assert.Empty(without.Inputs);
        Assert.Equal(second[2], without.Indices);
    }

    [Fact]
    public void Deletion_leaves_out_its_share_of_tokens_anew_each_epoch_and_keeps_their_order_and_the_length_of_rows()
    {
        int[][] texts = [.. Texts(200).Select(t => t.Select((_, i) => i + 1).ToArray())];
        var data = new PaddedTextBatches(texts, new int[200], ["a", "b"], Longest, 0, Batch, shuffleSeed: 3) { Deletion = 0.25 };
        Assert.False(data.IsDeterministic);
        Assert.Equal(Lengths(data, 0), Lengths(Of(texts, seed: 3), 0));
        Dictionary<int, int[]> Kept(int epoch) => data.Epoch(epoch, 0, Token).SelectMany(b => b.Indices.Zip(b.Inputs.Chunk(b.InputShape[1]))).ToDictionary(r => r.First, r => r.Second.Where(t => t > 0).Select(t => (int)t).ToArray());
        Dictionary<int, int[]> first = Kept(0), second = Kept(1);
        Assert.Equal(first, Kept(0));
        Assert.All(first, r => Assert.Equal(r.Value.Distinct().Order(), r.Value));
        Assert.All(first.Where(r => texts[r.Key].Length > 0), r => Assert.NotEmpty(r.Value));
        int[] whole = [.. first.Keys.Where(i => texts[i].Length is > 9 and <= Longest)];
        double share = whole.Sum(i => first[i].Length) / (double)whole.Sum(i => texts[i].Length);
        Assert.Equal(0.75, share, 0.02); // some 3,300 tokens: two standard deviations are 0.015
        Assert.Contains(whole, i => !first[i].SequenceEqual(second[i]));
        Assert.Equal(Of(texts, seed: 3).Epoch(0, 0, Token).Select(b => b.Indices), data.Epoch(0, 0, Token).Select(b => b.Indices));
    }

    [Fact]
    public void The_fingerprint_tells_texts_and_lengths_of_rows_apart_and_no_order()
    {
        int[][] texts = Texts(30);
        string? print = Of(texts, seed: 1).Fingerprint;
        Assert.Equal(print, Of(texts, seed: 2).Fingerprint);
        Assert.NotEqual(print, Of(texts, seed: 1, batch: 5).Fingerprint); // other groups
        Assert.NotEqual(print, Of([.. texts[1..], texts[0]], seed: 1).Fingerprint);
        Assert.NotEqual(print, Of(Texts(31)[1..], seed: 1).Fingerprint);
    }

    private static int[][] Rows(PaddedTextBatches data, int epoch) => [.. data.Epoch(epoch, 0, Token).Select(b => b.Indices)];

    private static IEnumerable<(int, int)> Lengths(PaddedTextBatches data, int epoch) => data.Epoch(epoch, 0, Token).SelectMany(b => b.Indices.Select(i => (i, b.InputShape[1]))).Order();

    private static PaddedTextBatches Of(int[][] texts, int seed, int batch = Batch) => new(texts, [.. texts.Select((_, i) => i % 2)], ["a", "b"], Longest, Pad, batch, seed);

    private static int[][] Texts(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, random.Next(50)).Select(_ => random.Next(Pad)).ToArray())];
    }
}
