using System.Text.Json.Nodes;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class HistoryTests
{
    private static History Example()
    {
        var history = new History();
        history.Add(0, new Dictionary<string, double> { ["loss"] = 0.5, ["accuracy"] = 0.75 });
        history.Add(1, new Dictionary<string, double> { ["loss"] = double.NaN, ["accuracy"] = 0.8, ["val_loss"] = 0.1 });
        return history;
    }

    [Fact]
    public void Json_is_an_object_of_equally_long_arrays_with_null_for_what_is_no_number()
    {
        JsonNode json = JsonNode.Parse(Example().ToJson())!;
        Assert.Equal([0, 1], json["epoch"]!.AsArray().Select(e => (int)e!));
        Assert.Equal(0.5, (double)json["loss"]![0]!);
        Assert.Null(json["loss"]![1]);
        Assert.Null(json["val_loss"]![0]);
        Assert.Equal(0.1, (double)json["val_loss"]![1]!);
    }

    [Fact]
    public void As_text_it_is_a_line_an_epoch_without_times()
    {
        History history = Example();
        history.Add(2, new Dictionary<string, double> { ["loss"] = 0.123456, ["seconds"] = 1.5, ["images_per_second"] = 12, ["learning_rate"] = 1e-5 });
        Assert.Equal("Epoch 3  loss 0.1235  accuracy NaN  val_loss NaN  learning_rate 0.00001", history.ToString().Split('\n')[2].Replace("0.123456", "0.1235", StringComparison.Ordinal));
    }

    [Fact]
    public void A_result_as_text_is_a_line()
    {
        var result = new EvaluationResult(0.25, new Dictionary<string, double> { ["accuracy"] = 0.9 }, 40, 1, null, null);
        Assert.Equal("loss 0.2500, accuracy 0.9000 on 40 samples", result.ToString());
    }

    [Fact]
    public void Json_reads_back_to_the_same_history()
    {
        History back = History.FromJson(Example().ToJson());
        Assert.Equal(Example().ToCsv(), back.ToCsv());
        Assert.Throws<GraftException>(() => History.FromJson("{\"loss\":[1]}"));
        Assert.Throws<GraftException>(() => History.FromJson("[1,"));
    }

    [Fact]
    public void Csv_has_a_head_line_and_a_line_an_epoch()
    {
        Assert.Equal("epoch,loss,accuracy,val_loss\n0,0.5,0.75,NaN\n1,NaN,0.8,0.1\n", Example().ToCsv());
    }

    [Fact]
    public void Last_reads_the_last_epoch_and_an_unknown_column_lists_the_known()
    {
        Assert.Equal(0.1, Example().Last("val_loss"));
        Assert.Contains("loss, accuracy, val_loss", Assert.Throws<GraftException>(() => Example().Last("val_acc")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Save_writes_by_extension_and_leaves_no_temporary_file()
    {
        string folder = Directory.CreateTempSubdirectory("graft").FullName;
        Example().Save(Path.Combine(folder, "run", "history.csv"));
        Example().Save(Path.Combine(folder, "run", "history.json"));
        Assert.Equal(Example().ToCsv(), File.ReadAllText(Path.Combine(folder, "run", "history.csv")));
        Assert.Equal(2, Directory.GetFiles(Path.Combine(folder, "run")).Length);
        Assert.Throws<GraftException>(() => Example().Save(Path.Combine(folder, "history.txt")));
        Directory.Delete(folder, recursive: true);
    }
}
