using System.Globalization;

namespace Graft.Models;

public sealed partial record GenerationOptions
{
    /// <summary>Refuses values out of range, tokens out of the vocabulary, and options that contradict each other.</summary>
    /// <exception cref="GraftException">The first fault found.</exception>
    internal void Check(int vocabulary)
    {
        CheckNumbers();
        CheckBeams();
        CheckContradictions();
        CheckTokens(vocabulary);
    }

    private void CheckNumbers()
    {
        Positive(MaxLength, nameof(MaxLength));
        Positive(MaxNewTokens ?? 1, nameof(MaxNewTokens));
        Positive(NumBeams, nameof(NumBeams));
        Positive(NumBeamGroups, nameof(NumBeamGroups));
        Positive(NumReturnSequences, nameof(NumReturnSequences));
        NotNegative(MinLength, nameof(MinLength));
        NotNegative(MinNewTokens ?? 0, nameof(MinNewTokens));
        NotNegative(TopK, nameof(TopK));
        NotNegative(NoRepeatNgramSize, nameof(NoRepeatNgramSize));
        NotNegative(ExponentialDecayLengthPenalty?.Start ?? 0, nameof(ExponentialDecayLengthPenalty));
        AboveZero(Temperature, nameof(Temperature));
        AboveZero(RepetitionPenalty, nameof(RepetitionPenalty));
        AboveZero(ExponentialDecayLengthPenalty?.Factor ?? 1, nameof(ExponentialDecayLengthPenalty));
        Within(TopP > 0 && TopP <= 1, TopP, nameof(TopP), "above 0 and at most 1 (1 is off)");
        Within(TypicalP > 0 && TypicalP <= 1, TypicalP, nameof(TypicalP), "above 0 and at most 1 (1 is off)");
        Within(EpsilonCutoff >= 0 && EpsilonCutoff < 1, EpsilonCutoff, nameof(EpsilonCutoff), "from 0 (off) to below 1");
        Within(EtaCutoff >= 0 && EtaCutoff < 1, EtaCutoff, nameof(EtaCutoff), "from 0 (off) to below 1");
        Within(DiversityPenalty >= 0 && float.IsFinite(DiversityPenalty), DiversityPenalty, nameof(DiversityPenalty), "0 (off) or more");
        Within(float.IsFinite(LengthPenalty), LengthPenalty, nameof(LengthPenalty), "a finite number");
        if (PenaltyAlpha is float alpha)
            Within(alpha > 0 && alpha <= 1, alpha, nameof(PenaltyAlpha), "above 0 and at most 1; without contrastive search, leave it out");
    }

    private void CheckBeams()
    {
        if (NumBeams == 1)
        {
            Refuse(NumBeamGroups > 1, $"NumBeamGroups {NumBeamGroups} with one beam: groups are made of beams; set NumBeams to a multiple of it.");
            Refuse(DiversityPenalty != 0, "DiversityPenalty acts between groups of beams; set NumBeams and NumBeamGroups, or leave it out.");
            Refuse(EarlyStopping != BeamStopping.Off, $"EarlyStopping {EarlyStopping} acts on beam search only; set NumBeams above 1, or leave it out.");
            Refuse(LengthPenalty != 1, $"LengthPenalty {Number(LengthPenalty)} acts on beam search only; set NumBeams above 1, or leave it out.");
            Refuse(NumReturnSequences > 1 && !DoSample, $"NumReturnSequences {NumReturnSequences} without sampling or beams would give the same sequence each time; set DoSample or NumBeams.");
            return;
        }
        Refuse(NumBeams % NumBeamGroups != 0, $"NumBeams {NumBeams} cannot be split into NumBeamGroups {NumBeamGroups}; make it a multiple.");
        Refuse(NumReturnSequences > NumBeams, $"NumReturnSequences {NumReturnSequences} is more than NumBeams {NumBeams}; raise NumBeams.");
        Refuse(NumBeamGroups > 1 && DoSample, "Groups of beams do not sample; leave DoSample or NumBeamGroups out.");
        Refuse(NumBeamGroups > 1 && DiversityPenalty == 0, "Groups of beams without a DiversityPenalty would all find the same; set it above 0.");
        Refuse(NumBeamGroups == 1 && DiversityPenalty != 0, "DiversityPenalty acts between groups of beams; set NumBeamGroups above 1, or leave it out.");
        Refuse(StopStrings.Count > 0, "StopStrings do not end beams: their texts differ; set NumBeams to 1, or leave StopStrings out.");
    }

    private void CheckContradictions()
    {
        if (!DoSample)
        {
            const string Mend = "acts on sampling only; set DoSample, or leave it out.";
            Refuse(Temperature != 1, $"Temperature {Number(Temperature)} {Mend}");
            Refuse(TopP != 1, $"TopP {Number(TopP)} {Mend}");
            Refuse(TypicalP != 1, $"TypicalP {Number(TypicalP)} {Mend}");
            Refuse(EpsilonCutoff != 0, $"EpsilonCutoff {Number(EpsilonCutoff)} {Mend}");
            Refuse(EtaCutoff != 0, $"EtaCutoff {Number(EtaCutoff)} {Mend}");
        }
        if (PenaltyAlpha is not null)
        {
            Refuse(DoSample || NumBeams > 1, "PenaltyAlpha asks for contrastive search, which neither samples nor has beams; leave it, or DoSample and NumBeams, out.");
            Refuse(TopK < 2, $"Contrastive search ranks the TopK most probable tokens; TopK {TopK} leaves no choice. Set it to 2 or more.");
        }
        Refuse(StopStrings.Any(s => s.Length == 0), "An empty stop string would end every sequence at once; leave it out.");
        Refuse(StopStrings.Count > 0 && TokenText is null, "StopStrings need the text of tokens; set TokenText to the tokenizer's streaming decoder.");
        Refuse(BadWordsIds.Any(w => w.Length == 0), "BadWordsIds has a word without tokens; leave it out.");
    }

    private void CheckTokens(int vocabulary)
    {
        InVocabulary(EosTokenIds, nameof(EosTokenIds), vocabulary);
        InVocabulary(SuppressTokens, nameof(SuppressTokens), vocabulary);
        InVocabulary(BeginSuppressTokens, nameof(BeginSuppressTokens), vocabulary);
        foreach (int[] word in BadWordsIds)
            InVocabulary(word, nameof(BadWordsIds), vocabulary);
        InVocabulary(PadTokenId is int pad ? [pad] : [], nameof(PadTokenId), vocabulary);
        InVocabulary(ForcedBosTokenId is int bos ? [bos] : [], nameof(ForcedBosTokenId), vocabulary);
        InVocabulary(ForcedEosTokenId is int eos ? [eos] : [], nameof(ForcedEosTokenId), vocabulary);
        Refuse(NumBeams > 1 && Math.Max(2, 1 + EosTokenIds.Count) > vocabulary, $"Beam search needs a token that does not end a text; all {vocabulary} of the vocabulary do.");
    }

    private static void InVocabulary(IEnumerable<int> tokens, string name, int vocabulary)
    {
        foreach (int token in tokens)
            Refuse(token < 0 || token >= vocabulary, $"{name} has token {token}; the model's vocabulary has 0 to {vocabulary - 1}.");
    }

    private static void Positive(int value, string name) => Refuse(value < 1, $"{name} is {value}; it must be 1 or more.");

    private static void NotNegative(int value, string name) => Refuse(value < 0, $"{name} is {value}; it must be 0 (off) or more.");

    private static void AboveZero(float value, string name) => Within(value > 0 && float.IsFinite(value), value, name, "above 0 (1 is off)");

    private static void Within(bool holds, float value, string name, string range) => Refuse(!holds, $"{name} is {Number(value)}; it must be {range}.");

    private static void Refuse(bool fault, string message)
    {
        if (fault)
            throw new GraftException(message);
    }

    private static string Number(float value) => value.ToString(CultureInfo.InvariantCulture);
}
