using System.Text.RegularExpressions;
using Graft.Cli;
using Xunit;

namespace Graft.Tests.House;

/// <summary>The README's examples are the code of <see cref="Outside.ReadmeExample"/> and <see cref="Outside.ReadmePrediction"/>, and that code does what it says.</summary>
[Collection(CurrentFolderCollection.Name)]
public sealed partial class ReadmeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0, "ReadmeExample.cs")]
    [InlineData(1, "ReadmePrediction.cs")]
    public void An_example_of_the_README_is_the_code_that_is_compiled_here(int number, string file)
    {
        string readme = File.ReadAllText(Path.Combine(HouseTests.Root, "README.md")).ReplaceLineEndings("\n");
        string[] code = File.ReadAllLines(Path.Combine(HouseTests.Root, "tests", "House", file));
        IEnumerable<string> usings = code.TakeWhile(l => l.StartsWith("using ", StringComparison.Ordinal));
        const string Indent = "        ";
        IEnumerable<string> body = code.SkipWhile(l => !l.EndsWith("void Run()", StringComparison.Ordinal)).Skip(2).SkipLast(2).Select(l => l.StartsWith(Indent, StringComparison.Ordinal) ? l[Indent.Length..] : l);
        string expected = string.Join('\n', [.. usings, "", .. body]) + "\n";
        Assert.Equal(expected, CsharpBlock().Matches(readme)[number].Groups[1].Value);
    }

    [Fact]
    public void The_example_trains_evaluates_and_saves()
    {
        foreach ((string part, int seed) in new[] { ("train", 1), ("validation", 2) })
        {
            foreach ((string kind, string name) in new[] { ("rose", "cats"), ("daisy", "dogs") })
            {
                Directory.CreateDirectory(Path.Combine(_folder, "pets", part, name));
                for (int i = 0; i < 2; i++)
                    File.WriteAllBytes(Path.Combine(_folder, "pets", part, name, $"{i}.jpg"), FlowerPainter.Paint(kind, seed + 10 * i));
            }
        }
        foreach (string weights in new[] { "ResNet18.onnx", "ResNetPreprocess.onnx" })
            File.Copy(Path.Combine(AppContext.BaseDirectory, "weights", weights), Path.Combine(_folder, weights));
        string before = Environment.CurrentDirectory;
        TextWriter screen = Console.Out;
        using var output = new StringWriter();
        try
        {
            Environment.CurrentDirectory = _folder;
            Console.SetOut(output);
            Outside.ReadmeExample.Run();
            File.Copy(Path.Combine("pets", "validation", "cats", "0.jpg"), "cat.jpg");
            Outside.ReadmePrediction.Run();
        }
        finally
        {
            Console.SetOut(screen);
            Environment.CurrentDirectory = before;
        }
        Assert.Contains("Total params: 16,040,385", output.ToString(), StringComparison.Ordinal);
        Assert.Matches(@"dogs: [01]\.\d{4}\s*$", output.ToString());
        Assert.Equal(["cats", "dogs"], Graft.Weights.ModelFile.Load(Path.Combine(_folder, "pets.graft")).Model.ClassNames);
    }

    [Theory]
    [InlineData("extending.md")]
    [InlineData("recipes.md")]
    public void All_code_of_the_pages_for_programs_is_code_that_is_compiled_outside(string page)
    {
        // Line by line, whatever the indent.
        static string Trimmed(string text) => string.Concat(text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0).Select(l => $"{l}\n"));
        string[] compiled = [.. Directory.GetFiles(Path.Combine(HouseTests.Root, "tests", "Outside"), "*.cs").Append(Path.Combine(HouseTests.Root, "samples", "CustomLayer.cs")).Select(f => Trimmed(File.ReadAllText(f)))];
        string[] blocks = [.. CsharpBlock().Matches(File.ReadAllText(Path.Combine(HouseTests.Root, "docs", page)).ReplaceLineEndings("\n")).Select(m => Trimmed(m.Groups[1].Value))];
        Assert.True(blocks.Length > 8, $"{blocks.Length} blocks were found.");
        Assert.All(blocks, block => Assert.Contains(compiled, file => file.Contains(block, StringComparison.Ordinal)));
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CsharpBlock();
}

/// <summary>Tests that change the current folder or the console of the whole process run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class CurrentFolderCollection
{
    public const string Name = "current folder";
}
