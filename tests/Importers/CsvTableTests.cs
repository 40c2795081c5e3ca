using System.Text;
using Graft.Cli;
using Graft.Importers;
using Xunit;

namespace Graft.Tests.Importers;

/// <summary>Tables as programs write them: marks of byte order, line ends, separators, quotes, empty lines.</summary>
public sealed class CsvTableTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"graft-csv-{Guid.NewGuid():N}.csv");

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(',', "\n")]
    [InlineData(';', "\r\n")]
    [InlineData('\t', "\n")]
    [InlineData(';', "\r")]
    public void Quoted_fields_hold_separators_quotes_and_line_ends_and_rows_have_the_line_that_they_begin_in(char separator, string end)
    {
        string[] lines = [" file , note, size ", "a.png, \"as is\" ,5\" lens", "", "\"b, c; d\te.png\",\"two\nlines, \"\"quoted\"\"\",", "", "f.png,,1"];
        lines[1] = lines[1].Replace(',', separator);
        CsvTable table = Open(string.Join(end, [lines[0].Replace(',', separator), lines[1], lines[2], lines[3].Replace("\",", $"\"{separator}", StringComparison.Ordinal), lines[4], lines[5].Replace(',', separator)]));
        Assert.Equal(["file", "note", "size"], table.Columns);
        Assert.Equal([2, 4, 7], table.Rows.Select(r => r.Line));
        Assert.Equal(["a.png", " \"as is\" ", "5\" lens"], table.Rows[0].Fields);
        Assert.Equal(["b, c; d\te.png", "two\nlines, \"quoted\"", ""], table.Rows[1].Fields);
        Assert.Equal(["f.png", "", "1"], table.Rows[2].Fields);
    }

    [Fact]
    public void A_mark_of_byte_order_is_no_part_of_the_first_name()
    {
        foreach (Encoding encoding in new[] { new UTF8Encoding(encoderShouldEmitUTF8Identifier: true), Encoding.Unicode, new UTF8Encoding(false) })
        {
            File.WriteAllText(_path, "Datei;Größe\r\nä.png;1\r\n", encoding);
            CsvTable table = CsvTable.Open(_path);
            Assert.Equal(["Datei", "Größe"], table.Columns);
            Assert.Equal(["ä.png", "1"], table.Rows.Single().Fields);
        }
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("\n\r\n", "is empty")]
    [InlineData("a,b\n\n1,\"2\n3", "a quote in the row that begins at line 3 has no end.")]
    [InlineData("a,b\n\"1\n\"2,3\n", "in the row that begins at line 2, text follows the quote that ends a field")]
    [InlineData("a,b\n1,\"2\n3\"\n4\n", "line 4 has 1 field(s), the first line 2 column(s) ('a', 'b'). Quote fields that hold a ','.")]
    [InlineData("a,,b\n1,2,3\n", "a column has no name")]
    public void What_is_wrong_is_told_with_its_line(string text, string message)
    {
        string found = Assert.Throws<GraftException>(() => Open(text)).Message;
        Assert.StartsWith(_path, found, StringComparison.Ordinal);
        Assert.Contains(message, found, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_program_writes_reads_back()
    {
        string[][] rows = [["image", "class, kind"], ["a \"b\".png", "1,5"], ["line\nend", ""], [" spaces ", "7"]];
        string text = CsvRows.Text(rows);
        Assert.StartsWith("image,\"class, kind\"\n\"a \"\"b\"\".png\",\"1,5\"\n", text, StringComparison.Ordinal);
        Assert.Equal(rows[1..], Open(text).Rows.Select(r => r.Fields));
    }

    private CsvTable Open(string text)
    {
        File.WriteAllText(_path, text);
        return CsvTable.Open(_path);
    }
}
