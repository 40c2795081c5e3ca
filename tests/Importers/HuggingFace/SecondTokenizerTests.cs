using System.Runtime.InteropServices;
using Graft.Importers.HuggingFace;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.HuggingFace;

/// <summary>Against Hugging Face's own tokenizers library (in Rust), on random text.</summary>
public sealed class SecondTokenizerTests
{
    private const int Texts = 3000; // a second; 100,000 of other seeds have shown no difference either

    [Fact]
    public void Random_texts_have_the_ids_of_Hugging_Faces_fast_tokenizer()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            Assert.Skip("The native library of the second tokenizer is referenced for Linux on x64 alone.");
        using var files = new TemporaryFiles();
        Gpt2Tokenizer tokenizer = Gpt2Tokenizer.Default;
        TokenizerFiles.WriteWhole(files["tokenizer.json"], tokenizer.Vocabulary);
        using var second = new Tokenizers.DotNet.Tokenizer(files["tokenizer.json"]);
        var random = new Random(20);
        for (int i = 0; i < Texts; i++)
        {
            string text = RandomText.Next(random);
            int[] ids = tokenizer.Encode(text);
            Assert.Equal(second.Encode(text).Select(id => (int)id), ids);
            Assert.Equal(text, tokenizer.Decode(ids, cleanUp: false));
        }
    }
}
