using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Graft.Adapters;
using Graft.Kernels;
using Graft.Training;

namespace Graft.Cli;

/// <summary>Sizes of a model that is made anew.</summary>
internal readonly record struct NewTextModel(int Blocks, int Width, int Heads)
{
    /// <summary>Reads "4x128x4".</summary>
    /// <exception cref="UsageException">It is not three numbers, or they make no model.</exception>
    public static NewTextModel Parse(string text)
    {
        const int Largest = 65536;
        string[] parts = text.Split('x');
        int[] sizes = [.. parts.Select(p => int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out int size) && size <= Largest ? size : 0)];
        if (sizes.Length != 3 || sizes.Contains(0) || sizes[1] % sizes[2] != 0)
            throw new UsageException($"--new takes BLOCKSxWIDTHxHEADS, such as 4x128x4, where the width is a multiple of the heads; not '{text}'.");
        return new NewTextModel(sizes[0], sizes[1], sizes[2]);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Blocks}x{Width}x{Heads}");
}

/// <summary>What a fine-tuning on text is asked to do.</summary>
internal sealed record TextFineTuningSettings
{
    public string? Model { get; init; }

    public NewTextModel? New { get; init; }

    /// <summary>Tokens of a vocabulary that is learned from the text for a new model; null for its characters.</summary>
    public int? Vocabulary { get; init; }

    /// <summary>True writes all letters small.</summary>
    public bool Lowercase { get; init; }

    public required string Text { get; init; }

    public string Field { get; init; } = "text";

    public required string Output { get; init; }

    public int? Freeze { get; init; }

    /// <summary>Adapters that learn in place of the model; null for none.</summary>
    public LoraConfig? Lora { get; init; }

    public int Epochs { get; init; } = 3;

    public int? Block { get; init; }

    public int Batch { get; init; } = 8;

    public int Accumulate { get; init; } = 1;

    public float LearningRate { get; init; } = 5e-5f;

    public string Schedule { get; init; } = "linear";

    public int WarmUp { get; init; }

    public float WeightDecay { get; init; } = 0.01f;

    public float Clip { get; init; } = 1;

    /// <summary>Momentum of the moving average of the weights that training ends with; 0 for the last step's weights.</summary>
    public float Average { get; init; }

    /// <summary>Epochs without a lower val_loss after which training ends with the weights of its best epoch; null runs all epochs.</summary>
    public int? Patience { get; init; }

    public float Dropout { get; init; }

    public double Validation { get; init; } = 0.1;

    public int Seed { get; init; }

    public string? Samples { get; init; }

    public int SampleTokens { get; init; } = 60;

    public int SampleEvery { get; init; } = 1;

    public int SaveEvery { get; init; }

    public bool Resume { get; init; }

    public ComputePrecision Precision { get; init; } = ComputePrecision.Float32;

    /// <summary>True begins anew also where a training was ended before its end.</summary>
    public bool Overwrites { get; init; }

    /// <summary>Steps of the whole training.</summary>
    public int StepsOf(BatchSource data) => Epochs * ((data.BatchesPerEpoch + Accumulate - 1) / Accumulate);

    /// <summary>Prints how the steps move the weights.</summary>
    public void Describe(Terminal terminal, BatchSource data) => terminal.Line(string.Create(CultureInfo.InvariantCulture,
        $"AdamW, {LearningRates.Describe(Schedule, LearningRate, StepsOf(data), WarmUp)}; weight decay {WeightDecay}{(Clip > 0 ? $"; gradients clipped to norm {Clip}" : "")}{(Average > 0 ? $"; moving average of the weights {Average}" : "")}."));

    /// <summary>All that decides over the weights at the end, as JSON: what a resumed run must have in common with the one that began.</summary>
    public JsonObject Run() => new()
    {
        ["task"] = null, // what a training for classes adds to
        ["model"] = Model,
        ["new"] = New?.ToString(),
        ["vocabulary"] = Vocabulary,
        ["lowercase"] = Lowercase,
        ["text"] = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Text))),
        ["field"] = Field,
        ["freeze"] = Freeze,
        ["lora"] = Lora?.Rank,
        ["lora-alpha"] = Lora?.Alpha,
        ["lora-dropout"] = Lora?.Dropout,
        ["lora-targets"] = Lora is null ? null : string.Join(',', Lora.TargetModules),
        ["epochs"] = Epochs,
        ["block"] = Block,
        ["batch"] = Batch,
        ["accumulate"] = Accumulate,
        ["learning-rate"] = LearningRate,
        ["schedule"] = Schedule,
        ["warmup"] = WarmUp,
        ["weight-decay"] = WeightDecay,
        ["clip"] = Clip,
        ["dropout"] = Dropout,
        ["ema"] = Average > 0 ? Average : null, // these two are absent from runs that were begun before there were such
        ["patience"] = Patience,
        ["validation"] = Validation,
        ["seed"] = Seed,
        ["precision"] = Precision == ComputePrecision.Float32 ? null : Precision.Word(), // absent from runs that were begun before there was another
    };
}
