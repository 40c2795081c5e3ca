using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Importers.HuggingFace;

namespace Graft.Cli.Commands;

/// <summary>graft tokenize: the ids and pieces that a language model sees of a text.</summary>
internal static class TokenizeCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = new Option<string?>("--model") { Description = "Folder with vocab.json and merges.txt, or tokenizer.json; without it, the vocabulary of the published GPT-2 models." };
        var plain = new Option<bool>("--plain") { Description = "Take <|endoftext|> and other special tokens in the text as plain text." };
        var json = new Option<bool>("--json") { Description = "Print JSON instead of lines." };
        var text = new Argument<string?>("text") { Arity = ArgumentArity.ZeroOrOne, Description = "The text; without it, standard input is read to its end, line ends included." };
        var command = new Command("tokenize", "Show the ids and pieces of a text: a line of ids, then a line for each ('Ġ' is a space, 'Ċ' a line end; a character beyond ASCII stands behind the last piece of its bytes).") { model, plain, json, text };
        command.SetAction(parsed =>
        {
            Gpt2Tokenizer tokenizer = parsed.GetValue(model) is string folder ? Gpt2Tokenizer.Open(folder) : Gpt2Tokenizer.Default;
            int[] ids = tokenizer.Encode(parsed.GetValue(text) ?? Console.In.ReadToEnd(), parseSpecialTokens: !parsed.GetValue(plain));
            string[] pieces = tokenizer.Pieces(ids);
            if (parsed.GetValue(json))
                terminal.Line(Json(ids, pieces));
            else
                Write(terminal, ids, pieces, tokenizer.Stream(cleanUp: false));
            return Application.Done;
        });
        return command;
    }

    private static void Write(Terminal terminal, int[] ids, string[] pieces, TokenStream text)
    {
        terminal.Line(string.Join(',', ids)); // as --prompt-ids takes them
        int width = ids.Length == 0 ? 0 : Digits(ids.Max()).Length;
        for (int i = 0; i < ids.Length; i++)
        {
            string complete = text.Push(ids[i]);
            bool isSpelled = complete.Any(c => c > '\u007F' && !char.IsControl(c)); // a piece spells such a character in letters for its bytes
            terminal.Line($"  {Digits(ids[i]).PadLeft(width)}  {pieces[i]}{(isSpelled ? $"  {complete.Trim()}" : "")}");
        }
        terminal.Line($"{Digits(ids.Length)} token{(ids.Length == 1 ? "" : "s")}");
    }

    private static string Json(int[] ids, string[] pieces) =>
        new JsonObject { ["ids"] = new JsonArray([.. ids.Select(i => (JsonNode)i)]), ["pieces"] = new JsonArray([.. pieces.Select(p => (JsonNode)p)]) }.ToJsonString();

    private static string Digits(int number) => number.ToString(CultureInfo.InvariantCulture);
}
