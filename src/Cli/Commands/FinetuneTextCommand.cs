using System.CommandLine;
using System.Globalization;
using Graft.Adapters;
using Graft.Importers.HuggingFace;
using Graft.Training;

namespace Graft.Cli.Commands;

/// <summary>graft finetune-text: a language model learns a text, or classes of texts.</summary>
internal static class FinetuneTextCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = new Option<string?>("--model") { Description = "Folder of a GPT-2 as Hugging Face has it: config.json, model.safetensors, vocab.json and merges.txt." };
        var fresh = new Option<string?>("--new") { Description = "Instead of --model: train a new model of this size, BLOCKSxWIDTHxHEADS, such as 4x128x4. Its tokens are the characters of the text." };
        var vocabulary = new Option<int?>("--vocabulary") { Description = "With --new: learn a byte-pair vocabulary of this many tokens from the text, 257 or more. Such a model can read any other text." };
        var lowercase = new Option<bool>("--lowercase") { Description = "With --vocabulary: turn the text, and all that the model reads later, into lower case." };
        var text = new Option<string>("--text") { Required = true, Description = "Text file in UTF-8, .jsonl with a document in each line, or .tsv with a label and a text in each line." };
        var field = new Option<string>("--field") { DefaultValueFactory = _ => "text", Description = "Name of the field that holds the text in each line of a .jsonl file." };
        var output = new Option<string>("--output") { Required = true, Description = "Folder for the model, its history and curves, and the state that --resume goes on from." };
        var freeze = new Option<int?>("--freeze") { Description = "Freeze the model except for this many blocks at its end and the last normalization. By default everything is trained." };
        var lora = new Option<int?>("--lora") { Description = "Freeze the model and train LoRA adapters of this rank. Only the adapters are written to --output, in PEFT's format." };
        var loraAlpha = new Option<float?>("--lora-alpha") { Description = "LoRA's alpha: adapters are scaled by alpha / rank. By default twice the rank." };
        var loraDropout = new Option<float?>("--lora-dropout") { Description = "Dropout on the adapters' input while training; by default 0." };
        var loraTargets = new Option<string?>("--lora-targets") { Description = "Layers that get an adapter, separated by commas, such as c_attn,c_proj,c_fc; or all-linear. By default c_attn." };
        var epochs = new Option<int>("--epochs") { DefaultValueFactory = _ => 3, Description = "Epochs: how often the whole text is read." };
        var block = new Option<int?>("--block") { Description = "Length of a block in tokens; by default 128, or what the model takes if that is less. With --task classification: longer texts are cut here; by default at what the model takes." };
        var batch = new Option<int>("--batch") { DefaultValueFactory = _ => 8, Description = "Blocks in a batch, or texts to classify." };
        var accumulate = new Option<int>("--accumulate") { DefaultValueFactory = _ => 1, Description = "Gradient accumulation: batches whose gradients are averaged for one step." };
        var rate = new Option<float?>("--learning-rate") { Description = "Peak learning rate of AdamW; by default 5e-5, with --lora 2e-4, with --new 1e-3." };
        var schedule = new Option<string>("--schedule") { DefaultValueFactory = _ => "linear", Description = "How the learning rate falls to 0: linear or cosine; constant keeps it." };
        schedule.AcceptOnlyFromAmong(LearningRates.Schedules);
        var warmUp = new Option<int>("--warmup") { Description = "Warm-up: steps in which the learning rate rises from 0." };
        var decay = new Option<float>("--weight-decay") { DefaultValueFactory = _ => 0.01f, Description = "Weight decay of AdamW, which leaves biases and normalizations out." };
        Option<float> clip = StepOptions.ClipOption(1), average = StepOptions.AverageOption();
        Option<int?> patience = StepOptions.PatienceOption();
        var dropout = new Option<float>("--dropout") { Description = "Dropout while training. Above 0, a frozen base is computed at every step." };
        var share = new Option<double>("--validation") { DefaultValueFactory = _ => 0.1, Description = "Share that is held back to validate on: the end of the text; with --task classification a random share of each class." };
        var seed = new Option<int>("--seed") { Description = "Seed for everything that is random: the same seed gives the same result." };
        var threads = new Option<int?>("--threads") { Description = "Number of threads; by default one for each processor." };
        var samples = new Option<string?>("--samples") { Description = "Beginning of the sample texts that are shown after epochs." };
        var sampleTokens = new Option<int>("--sample-tokens") { DefaultValueFactory = _ => 60, Description = "Length of a sample in tokens; 0 shows none." };
        var sampleEvery = new Option<int>("--sample-every") { DefaultValueFactory = _ => 1, Description = "Show a sample every this many epochs." };
        var save = new Option<int>("--save-every") { Description = "Save the state for --resume also every this many steps; by default after each epoch only." };
        var resume = new Option<bool>("--resume") { Description = "Continue the training in --output where it was interrupted. Give the same other options as then." };
        var classification = new ClassificationOptions();
        Option<string> precision = PrecisionOption.Create();
        Option<string?> device = DeviceOption.Create();
        var command = new Command("finetune-text", "Teach a language model a text, or classes of texts.")
        {
            model, fresh, vocabulary, lowercase, text, field, output, freeze, lora, loraAlpha, loraDropout, loraTargets, epochs, block, batch, accumulate, rate, schedule, warmUp, decay, clip, average, patience, dropout, share, seed, threads, samples, sampleTokens, sampleEvery, save, resume, precision, device,
        };
        classification.AddTo(command);
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            FinetuneCommand.SetThreads(parsed.GetValue(threads));
            double Checked(double value, double low, double high, string option) => FinetuneCommand.Within(value, low, high, option);
            NewTextModel? sizes = parsed.GetValue(fresh) is string given ? NewTextModel.Parse(given) : null;
            if (sizes is null == parsed.GetValue(model) is null)
                throw new UsageException("give one of --model (a folder to start from) and --new (a model of characters).");
            if (sizes is not null && parsed.GetValue(freeze) is not null)
                throw new UsageException("--freeze keeps what a model has learned; with --new there is nothing to keep.");
            if (sizes is not null && parsed.GetValue(lora) is not null)
                throw new UsageException("--lora teaches adapters of a model that is there; with --new, give its sizes alone.");
            if (parsed.GetValue(lora) is not null && parsed.GetValue(freeze) is not null)
                throw new UsageException("--lora freezes the whole model; leave --freeze out.");
            if (parsed.GetValue(lora) is null && (parsed.GetValue(loraAlpha) is not null || parsed.GetValue(loraDropout) is not null || parsed.GetValue(loraTargets) is not null))
                throw new UsageException("--lora-alpha, --lora-dropout and --lora-targets go with --lora RANK.");
            LoraConfig? adapters = parsed.GetValue(lora) is not int rank ? null : new LoraConfig
            {
                Rank = (int)Checked(rank, 1, 65536, "--lora"), Alpha = (float)Checked(parsed.GetValue(loraAlpha) ?? 2 * rank, 1e-6, 1e9, "--lora-alpha"),
                Dropout = (float)Checked(parsed.GetValue(loraDropout) ?? 0, 0, 0.99, "--lora-dropout"), TargetModules = (parsed.GetValue(loraTargets) ?? "c_attn").Split(',', StringSplitOptions.TrimEntries),
            };
            if (sizes is null && parsed.GetValue(vocabulary) is not null)
                throw new UsageException("--vocabulary makes the tokens of a new model; a model of a folder has its own. Leave it out, or give --new.");
            if (parsed.GetValue(lowercase) && parsed.GetValue(vocabulary) is null)
                throw new UsageException("--lowercase goes with --vocabulary, which learns the tokens of small letters; a model of a folder has its own, and for one of characters the text can be written small.");
            var settings = new TextFineTuningSettings
            {
                Lowercase = parsed.GetValue(lowercase),
                Model = parsed.GetValue(model) is string named ? ModelPath.FolderOf(named, $"make it part of its model by 'graft merge-adapter --adapter {named} --output DIR' and give that folder") : null, New = sizes, Vocabulary = parsed.GetValue(vocabulary) is int pieces ? (int)Checked(pieces, BytePairTrainer.SmallestVocabulary, 1 << 20, "--vocabulary") : null, Text = parsed.GetRequiredValue(text), Field = parsed.GetRequiredValue(field), Output = parsed.GetRequiredValue(output),
                Freeze = parsed.GetValue(freeze) is int trainable ? (int)Checked(trainable, 0, 1000, "--freeze") : null, Lora = adapters, Epochs = (int)Checked(parsed.GetValue(epochs), 1, 1e6, "--epochs"),
                Block = parsed.GetValue(block) is int length ? (int)Checked(length, 2, 1 << 20, "--block") : null, Batch = (int)Checked(parsed.GetValue(batch), 1, 65536, "--batch"),
                Accumulate = (int)Checked(parsed.GetValue(accumulate), 1, 65536, "--accumulate"),
                LearningRate = (float)Checked(parsed.GetValue(rate) ?? (sizes is not null ? 1e-3f : adapters is null ? 5e-5f : 2e-4f), 1e-10, 1e3, "--learning-rate"), Schedule = parsed.GetRequiredValue(schedule),
                WarmUp = (int)Checked(parsed.GetValue(warmUp), 0, 1e9, "--warmup"), WeightDecay = (float)Checked(parsed.GetValue(decay), 0, 1e3, "--weight-decay"),
                Clip = (float)Checked(parsed.GetValue(clip), 0, 1e9, "--clip"), Dropout = (float)Checked(parsed.GetValue(dropout), 0, 0.99, "--dropout"),
                Average = StepOptions.AverageOf(parsed, average), Patience = parsed.GetValue(patience) is int without ? (int)Checked(without, 1, 1e6, "--patience") : null,
                Validation = Checked(parsed.GetValue(share), 0.0001, 0.9, "--validation"), Seed = parsed.GetValue(seed), Samples = parsed.GetValue(samples),
                SampleTokens = (int)Checked(parsed.GetValue(sampleTokens), 0, 1e6, "--sample-tokens"), SampleEvery = (int)Checked(parsed.GetValue(sampleEvery), 1, 1e6, "--sample-every"),
                SaveEvery = (int)Checked(parsed.GetValue(save), 0, 1e9, "--save-every"), Resume = parsed.GetValue(resume),
                Precision = PrecisionOption.Read(parsed, precision, terminal),
            };
            if (classification.Read(parsed, settings) is { } classes)
            {
                terminal.Line(string.Create(CultureInfo.InvariantCulture, $"val_f1={TextClassification.Run(classes, terminal).F1:F4}"));
                return Application.Done;
            }
            (_, _, History history, int kept) = TextFineTuning.Run(settings, terminal);
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"val_perplexity={history["val_perplexity"][kept]:F4}"));
            return Application.Done;
        });
        return command;
    }
}
