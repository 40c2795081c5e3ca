using System.Text.Json.Nodes;
using Graft.Models;

namespace Graft.Tests.Models.Generation;

/// <summary>Reads the arguments of transformers' generate() as the reference cases hold them; an argument that is not known throws.</summary>
internal static class GenerateCase
{
    public static string File(string name) => GraftShared.Path("reference", "hf", "gpt2_generate", name);

    public static JsonObject[] Read(string file) => [.. JsonNode.Parse(System.IO.File.ReadAllText(File(file)))!["cases"]!.AsArray().Select(c => c!.AsObject())];

    public static GenerationOptions Options(JsonObject args)
    {
        var options = new GenerationOptions();
        foreach ((string name, JsonNode? value) in args)
        {
            if (value is not null) // null is the default of all that occur
                options = With(options, name, value);
        }
        return options;
    }

    public static int[][] Rows(JsonNode rows) => [.. rows.AsArray().Select(r => Ids(r!))];

    public static int[] Ids(JsonNode ids) => ids is JsonArray list ? [.. list.Select(t => (int)t!)] : [(int)ids];

    private static GenerationOptions With(GenerationOptions o, string name, JsonNode value) => name switch
    {
        "max_length" => o with { MaxLength = (int)value },
        "max_new_tokens" => o with { MaxNewTokens = (int)value },
        "min_length" => o with { MinLength = (int)value },
        "min_new_tokens" => o with { MinNewTokens = (int)value },
        "do_sample" => o with { DoSample = (bool)value },
        "use_cache" => o, // the tests' model has none, and the results are one
        "temperature" => o with { Temperature = (float)value },
        "top_k" => o with { TopK = (int)value },
        "top_p" => o with { TopP = (float)value },
        "typical_p" => o with { TypicalP = (float)value },
        "epsilon_cutoff" => o with { EpsilonCutoff = (float)value },
        "eta_cutoff" => o with { EtaCutoff = (float)value },
        "repetition_penalty" => o with { RepetitionPenalty = (float)value },
        "no_repeat_ngram_size" => o with { NoRepeatNgramSize = (int)value },
        "bad_words_ids" => o with { BadWordsIds = Rows(value) },
        "suppress_tokens" => o with { SuppressTokens = Ids(value) },
        "begin_suppress_tokens" => o with { BeginSuppressTokens = Ids(value) },
        "forced_eos_token_id" => o with { ForcedEosTokenId = (int)value },
        "exponential_decay_length_penalty" => o with { ExponentialDecayLengthPenalty = ((int)value[0]!, (float)value[1]!) },
        "renormalize_logits" => o with { RenormalizeLogits = (bool)value },
        "penalty_alpha" => o with { PenaltyAlpha = (float)value },
        "num_beams" => o with { NumBeams = (int)value },
        "num_beam_groups" => o with { NumBeamGroups = (int)value },
        "diversity_penalty" => o with { DiversityPenalty = (float)value },
        "length_penalty" => o with { LengthPenalty = (float)value },
        "early_stopping" => o with { EarlyStopping = value.ToString() switch { "true" => BeamStopping.On, "false" => BeamStopping.Off, "never" => BeamStopping.Never, _ => throw new InvalidDataException($"early_stopping {value}") } },
        "num_return_sequences" => o with { NumReturnSequences = (int)value },
        "eos_token_id" => o with { EosTokenIds = Ids(value) },
        "pad_token_id" => o with { PadTokenId = (int)value },
        _ => throw new InvalidDataException($"The case has {name}, which these tests do not know."),
    };
}
