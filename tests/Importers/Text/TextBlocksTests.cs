using Graft.Importers.HuggingFace;
using Graft.Importers.Text;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Importers.Text;

public sealed class TextBlocksTests
{
    private static readonly CharacterTokenizer Letters = CharacterTokenizer.Of(["abcdefghijklmnopqrstuvwxyz"], hasEnd: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static TokenizedText Text(params string[] documents) => TokenizedText.Of(documents, Letters);

    [Fact]
    public void Blocks_share_one_token_and_the_last_is_filled_up_with_labels_that_are_ignored()
    {
        var blocks = new TextBlocks(Text("abcdefghi"), length: 3, batchSize: 2); // 9 tokens: 8 labels
        Batch[] batches = [.. blocks.Epoch(0, 0, Token)];
        Assert.Equal((3, 8, 2), (blocks.Count, blocks.LabelCount, blocks.BatchesPerEpoch));
        Assert.Equal([0, 1, 2, 3, 4, 5], batches[0].Inputs);
        Assert.Equal([1, 2, 3, 4, 5, 6], batches[0].Labels);
        Assert.Equal([6, 7, 0], batches[1].Inputs); // the place behind the end holds a token like others
        Assert.Equal([7, 8, TextBlocks.IgnoredLabel], batches[1].Labels);
    }

    [Fact]
    public void Every_token_but_the_first_is_a_label_once_whatever_the_order()
    {
        string text = string.Concat(Enumerable.Range(0, 101).Select(i => (char)('a' + i * 7 % 26)));
        var blocks = new TextBlocks(Text(text), length: 8, batchSize: 3, shuffleSeed: 5);
        for (int epoch = 0; epoch < 2; epoch++)
        {
            float[] labels = [.. blocks.Epoch(epoch, 0, Token).SelectMany(b => b.Labels).Where(l => l != TextBlocks.IgnoredLabel)];
            Assert.Equal(Letters.Encode(text)[1..].Order(), labels.Select(l => (int)l).Order());
        }
    }

    [Fact]
    public void The_order_depends_on_seed_and_epoch_and_an_epoch_can_begin_in_its_middle()
    {
        TokenizedText text = Text(new string('a', 30) + "bcdefghijklmnopqrstuvwxyz");
        int[] Order(int seed, int epoch, int first = 0) => [.. new TextBlocks(text, 2, 4, seed).Epoch(epoch, first, Token).SelectMany(b => b.Indices)];
        Assert.Equal(Order(1, 0), Order(1, 0));
        Assert.NotEqual(Order(1, 0), Order(1, 1));
        Assert.NotEqual(Order(1, 0), Order(2, 0));
        Assert.Equal(Order(1, 3)[8..], Order(1, 3, first: 2));
        Assert.Equal(Enumerable.Range(0, 27), new TextBlocks(text, 2, 4).Epoch(1, 0, Token).SelectMany(b => b.Indices));
    }

    [Fact]
    public void Without_inputs_the_same_labels_come()
    {
        var blocks = new TextBlocks(Text("abcdefghijklmnopqrstuvwxyz"), 4, 2, shuffleSeed: 3);
        foreach ((Batch whole, Batch bare) in blocks.Epoch(2, 1, Token).Zip(blocks.EpochWithoutInputs(2, 1, Token)))
        {
            Assert.Empty(bare.Inputs);
            Assert.Equal(whole.InputShape, bare.InputShape);
            Assert.Equal(whole.Labels, bare.Labels);
            Assert.Equal(whole.Indices, bare.Indices);
        }
    }

    [Fact]
    public void The_fingerprint_is_of_the_tokens_and_the_block_length()
    {
        string? Print(string text, int length, int seed) => new TextBlocks(Text(text), length, 2, seed).Fingerprint;
        Assert.Equal(Print("abcdefgh", 3, 1), Print("abcdefgh", 3, 2));
        Assert.NotEqual(Print("abcdefgh", 3, 1), Print("abcdefgh", 4, 1));
        Assert.NotEqual(Print("abcdefgh", 3, 1), Print("abcdefgi", 3, 1));
    }

    [Fact]
    public void Several_documents_end_in_the_end_of_text_token_and_one_does_not()
    {
        int end = Letters.EosToken!.Value;
        Assert.Equal([0, 1, end, 2, end, end], Text("ab", "c", "").Tokens);
        Assert.Equal([0, 1], Text("ab").Tokens);
        Assert.Contains("no end-of-text token", Assert.Throws<GraftException>(() => TokenizedText.Of(["a", "b"], CharacterTokenizer.Of(["ab"]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GPT2s_tokens_end_documents_too_and_the_token_in_a_text_is_one() =>
        Assert.Equal([64, 50256, 65, 50256, 66, 50256], TokenizedText.Of(["a<|endoftext|>b", "c"], Gpt2Tokenizer.Default).Tokens);

    [Theory]
    [InlineData(0.25, 9)]
    [InlineData(0.1, 11)]
    [InlineData(0.5, 6)]
    public void A_single_document_is_split_at_a_token(double share, int expected)
    {
        (TokenizedText training, TokenizedText validation) = Text("abcdefghijkl").Split(share);
        Assert.Equal(expected, training.Tokens.Count);
        Assert.Equal(Letters.Encode("abcdefghijkl"), training.Tokens.Concat(validation.Tokens));
    }

    [Fact]
    public void Documents_are_split_at_the_boundary_nearest_to_the_share()
    {
        (TokenizedText training, TokenizedText validation) = Text("abcdefgh", "ij", "kl", "mnopq").Split(0.4); // 9, 3, 3 and 6 tokens: 12.6 to train on
        Assert.Equal((12, 2), (training.Tokens.Count, training.Documents));
        Assert.Equal((9, 2), (validation.Tokens.Count, validation.Documents));
        (training, validation) = Text("a", "bcdefghijklmnop").Split(0.01);
        Assert.Equal((1, 1), (training.Documents, validation.Documents)); // neither part is empty
    }

    [Fact]
    public void A_text_shorter_than_a_block_is_refused_with_the_part_that_it_is()
    {
        Assert.Contains("has 3 tokens; a block of 3 and the token behind it are 4", Assert.Throws<GraftException>(() => new TextBlocks(Text("abc"), 3)).Message, StringComparison.Ordinal);
        Assert.Equal(1, new TextBlocks(Text("abcd"), 3).Count);
        Assert.Contains("(the part to validate on)", Assert.Throws<GraftException>(() => new TextBlocks(Text("abcdefghijkl").Split(0.1).Validation, 3)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ids_beyond_the_models_vocabulary_are_refused_with_their_place()
    {
        Assert.Contains("token 25 at place 2 is not in the model's vocabulary of 20",
            Assert.Throws<GraftException>(() => new TextBlocks(Text("abz"), 2, vocabularySize: 20)).Message, StringComparison.Ordinal);
        Assert.Equal(1, new TextBlocks(Text("abz"), 2, vocabularySize: 26).Count);
    }
}
