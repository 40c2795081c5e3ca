// LoRA in six steps: a language model learns something new beside its weights, which stay as they are.
//
//   dotnet run samples/Lora.cs
//   dotnet run samples/Lora.cs -- --model gpt2 --text notes.txt
//
// --model is a folder of Hugging Face with a GPT-2; without it a small one is made, which first learns the alphabet, and then, by LoRA,
// to say it backwards. --text FILE, --epochs N, --rank R and --output FOLDER are there too.
#:project ../src/Models/Models.csproj
#:project ../src/Importers/Importers.csproj

using System.Globalization;
using Graft.Adapters;
using Graft.Importers.HuggingFace;
using Graft.Importers.Text;
using Graft.Models;
using Graft.Training;

string output = Option("--output") ?? "lora-adapter";
int epochs = int.Parse(Option("--epochs") ?? "12", CultureInfo.InvariantCulture), rank = int.Parse(Option("--rank") ?? "8", CultureInfo.InvariantCulture);
string letters = "abcdefghijklmnopqrstuvwxyz ", forwards = string.Concat(Enumerable.Repeat(letters, 200)), backwards = new([.. forwards.Reverse()]);
string taught = Option("--text") is { } file ? File.ReadAllText(file) : backwards, start = Option("--model") is null ? "m" : "The";

// 1. Open a model that knows something already.
(Gpt2Config config, ITokenizer tokenizer, float rate) = Option("--model") is { } folder
    ? (Gpt2Config.Open(folder), TextTokenizers.Open(folder), 2e-4f)
    : (new Gpt2Config { VocabularySize = letters.Length, Positions = 64, Width = 64, Blocks = 2, Heads = 4, EosToken = null, EmbeddingDropout = 0, ResidualDropout = 0, AttentionDropout = 0 }, CharacterTokenizer.Of([letters]), 1e-2f);
Gpt2 gpt = Gpt2.Build(config, length: Math.Min(64, config.Positions));
gpt.SetSeed(1);
if (Option("--model") is { } from)
    gpt.LoadWeights(HuggingFaceFolder.OpenWeights(from));
else
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"It learns the alphabet: loss {Teach(forwards):F3}"));
Console.WriteLine($"It writes: {Write()}");

// 2. Put adapters on: beside each weight W [in,out] that is named, A [in,r] and B [r,out]. W is frozen; A B, which begins at zero, learns.
var lora = new LoraConfig { Rank = rank, Alpha = 2 * rank, TargetModules = ["c_attn", "c_proj", "c_fc"] };
Lora.Attach(gpt, lora);
Console.WriteLine(string.Join('\n', gpt.Summary().Split('\n')[^4..]).TrimEnd());     // how much is frozen, and how little learns

// 3. Teach them. Gradients pass through the frozen weights; for those themselves nothing is computed or kept.
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The adapters learn: loss {Teach(taught):F3}"));
Console.WriteLine($"It writes: {Write()}");

// 4. Save the adapters alone, as PEFT does: a small file beside which the model is needed, and any number of them for one model.
PeftAdapter.Save(output, gpt, lora, baseModel: Option("--model"));
Console.WriteLine($"{output} holds {new FileInfo(Path.Combine(output, "adapter_model.safetensors")).Length >> 10} KiB.");

// 5. Take them off: the model is what it was. Put them on again from the file.
Lora.Detach(gpt);
Console.WriteLine($"Without them it writes: {Write()}");
PeftAdapter.Open(output).AttachTo(gpt);
Console.WriteLine($"With them again: {Write()}");

// 6. For good: make them part of the weights. It computes the same, with nothing beside the weights, and is an ordinary model.
Lora.Merge(gpt);
Lora.Detach(gpt);
Console.WriteLine($"Merged: {Write()}");
gpt.Release();

double Teach(string text)
{
    var data = new TextBlocks(TokenizedText.Of([text], tokenizer), gpt.Length, batchSize: 8, shuffleSeed: 1, config.VocabularySize);
    gpt.Compile(new AdamW(new CosineDecay(rate, epochs * data.BatchesPerEpoch), weightDecay: 0.01f), TextBlocks.Loss);
    return gpt.Fit(data, epochs)["loss"][^1];
}

string Write()
{
    int[] written = gpt.Generate([tokenizer.Encode(start)], new GenerationOptions { MaxNewTokens = 20 }).Sequences[0].Generated.ToArray();
    return (start + tokenizer.Decode(written)).ReplaceLineEndings(" ");
}

string? Option(string name) => Array.IndexOf(args, name) is var i and >= 0 && i + 1 < args.Length ? args[i + 1] : null;
