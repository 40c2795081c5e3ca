using System.Text.Json;
using Graft.Models;
using Xunit;

namespace Graft.Tests.Models;

public sealed class ImageNetTests
{
    [Fact]
    public void There_are_1000_classes_in_the_order_of_their_WordNet_ids()
    {
        Assert.Equal(1000, ImageNet.Classes.Count);
        Assert.Equal(("n01440764", "tench"), ImageNet.Classes[0]);
        Assert.Equal(("n02123045", "tabby"), ImageNet.Classes[281]);
        Assert.Equal(("n15075141", "toilet_tissue"), ImageNet.Classes[999]);
        string[] ids = [.. ImageNet.Classes.Select(c => c.Wnid)];
        Assert.Equal(ids.Distinct().Order(StringComparer.Ordinal), ids);
    }

    [Fact]
    public void Ids_and_names_are_those_of_the_class_index()
    {
        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(GraftShared.Path("data", "imagenet_class_index.json")));
        for (int i = 0; i < 1000; i++)
        {
            JsonElement row = index.RootElement.GetProperty(i.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal(row[0].GetString(), ImageNet.Classes[i].Wnid);
            // That index tells its two pairs of equal names apart in brackets: "crane (machine)", "maillot (tank suit)".
            Assert.Equal(row[1].GetString()!.Split(" (")[0], ImageNet.Classes[i].Name);
        }
    }

    [Fact]
    public void The_likeliest_classes_come_first_and_equal_ones_in_their_order()
    {
        float[] first = new float[1000], second = new float[1000];
        (first[281], first[285], first[7]) = (0.5f, 0.3f, 0.2f);
        Array.Fill(second, 0.001f);
        IReadOnlyList<ImageNetPrediction[]> decoded = ImageNet.DecodePredictions([first, second], top: 3);
        Assert.Equal([new("n02123045", "tabby", 0.5f), new("n02124075", "Egyptian_cat", 0.3f), new("n01514668", "cock", 0.2f)], decoded[0]);
        Assert.Equal(["tench", "goldfish", "great_white_shark"], decoded[1].Select(p => p.Name));
        Assert.Equal(5, ImageNet.DecodePredictions([first])[0].Length);
    }

    [Fact]
    public void Rows_of_another_length_and_a_top_out_of_range_are_refused()
    {
        Assert.Contains("512", Assert.Throws<ShapeException>(() => ImageNet.DecodePredictions([new float[512]])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageNet.DecodePredictions([new float[1000]], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageNet.DecodePredictions([new float[1000]], 1001));
    }
}
