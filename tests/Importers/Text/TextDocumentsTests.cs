using System.Text;
using Graft.Importers.Text;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.Text;

public sealed class TextDocumentsTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_text_file_is_one_document_without_its_byte_order_mark() =>
        Assert.Equal(["Zoë\r\nsaw\n"], TextDocuments.Read(Write("a.txt", "\uFEFFZoë\r\nsaw\n")));

    [Fact]
    public void Json_lines_are_a_document_each_and_blank_lines_none()
    {
        string path = Write("a.jsonl", "{\"text\": \"one\\ntwo\", \"id\": 1}\r\n\n{\"id\": 2, \"text\": \"\"}\n   \n{\"text\": \"three\"}");
        Assert.Equal(["one\ntwo", "", "three"], TextDocuments.Read(path));
    }

    [Fact]
    public void The_field_can_be_named() =>
        Assert.Equal(["hello"], TextDocuments.Read(Write("a.ndjson", """{"body": "hello", "text": "no"}"""), "body"));

    [Theory]
    [InlineData("a.jsonl", "{\"text\": \"a\"}\n\n{\"title\": \"b\", \"id\": 3}", "line 3: has no 'text'; it has 'title', 'id'")]
    [InlineData("a.jsonl", "{\"text\": \"a\"}\n{\"text\": 3}", "line 2: 'text' is Number")]
    [InlineData("a.jsonl", "{\"text\": \"a\"}\n{\"text\": ", "line 2: is no JSON")]
    [InlineData("a.jsonl", "[\"a\"]", "line 1: holds Array")]
    [InlineData("a.jsonl", "{\"text\": \"a\"} {\"text\": \"b\"}", "line 1: is no JSON")]
    [InlineData("a.jsonl", "{\"text\": \"a\\ud83d\"}", "line 1: is no JSON")]
    [InlineData("a.txt", " \n\n", "is empty")]
    public void What_is_wrong_is_told_with_its_line(string name, string content, string words)
    {
        string path = Write(name, content), message = Assert.Throws<GraftException>(() => TextDocuments.Read(path)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_are_told_with_offset_and_line()
    {
        string latin = _files.Write("latin.txt", Encoding.Latin1.GetBytes("first\ncafé\n"));
        Assert.Contains("byte 0xE9 at offset 9, line 2", Assert.Throws<GraftException>(() => TextDocuments.Read(latin)).Message, StringComparison.Ordinal);
        string wide = _files.Write("wide.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("first")]);
        Assert.Contains("it begins as UTF-16 does", Assert.Throws<GraftException>(() => TextDocuments.Read(wide)).Message, StringComparison.Ordinal);
        string json = _files.Write("latin.jsonl", [.. "{\"text\": \"a\"}\n{\"text\": \""u8, 0xE9, .. "\"}"u8]);
        Assert.Contains("line 2: is no JSON", Assert.Throws<GraftException>(() => TextDocuments.Read(json)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_and_empty_files_are_named()
    {
        Assert.Contains("no such file", Assert.Throws<GraftException>(() => TextDocuments.Read(_files["none.txt"])).Message, StringComparison.Ordinal);
        Assert.Contains("is empty", Assert.Throws<GraftException>(() => TextDocuments.Read(_files.Write("empty.jsonl", []))).Message, StringComparison.Ordinal);
    }

    private string Write(string name, string content) => _files.Write(name, Encoding.UTF8.GetBytes(content));
}
