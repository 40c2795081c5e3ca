using System.CommandLine;
using System.Globalization;
using Graft.Importers.Images;
using Graft.Inference;
using Graft.Kernels;

namespace Graft.Cli.Commands;

/// <summary>graft finetune: teaches a pretrained base the classes of a folder of photographs.</summary>
internal static class FinetuneCommand
{
    public static Command Create(Terminal terminal)
    {
        var data = new Option<string>("--data") { Required = true, Description = "Folder that holds one folder of images for each class; or train/ and validation/ (or val/), each with such class folders. Or a table (.csv, .tsv): a line of column names, then in each row a photograph and its labels." };
        var validation = new Option<string?>("--validation") { Description = "Folder, or table, to validate on. By default validation/ (or val/) inside --data, or else a share of --data: --split." };
        var labels = new LabelsOption();
        var loss = new Option<string?>("--loss") { Description = "With --labels numbers: mse (mean squared error; the default), huber, or mae, both less moved by numbers that are far off. Each number is measured in its deviations." };
        loss.AcceptOnlyFromAmong(FineTuningTask.NumberLosses);
        var split = new Option<double>("--split") { DefaultValueFactory = _ => 0.2, Description = "Share of the images of each class that is held back to validate on, where there is no validation folder or table: drawn by --seed, one at least of each class that has two." };
        var network = new Option<string>("--base") { DefaultValueFactory = _ => "resnet18", Description = "Pretrained base: resnet18 (included), vgg16 or resnet50 (with --weights, or downloaded by 'graft weights pull'), squeezenet (with --weights); or a file: a Keras, ONNX or .graft model, whose head is cut off." };
        var preprocess = new Option<string?>("--preprocess") { Description = "For a base from a file: how it wants its pixels: none (0 to 255), rescale (0 to 1), tf (-1 to 1), torch or caffe. Files written by graft already say it." };
        preprocess.AcceptOnlyFromAmong(ImportedBase.Preprocessings);
        var weights = new Option<string?>("--weights") { Description = "Weight file of the base: Keras .h5 or .keras, safetensors, .pth or ONNX. resnet18 needs none." };
        var size = new Option<int?>("--size") { Description = "Height and width that images are resized to; by default 224, for vgg16 150, for squeezenet 227." };
        var batch = new Option<int>("--batch") { DefaultValueFactory = _ => 32, Description = "Images in a batch." };
        var epochs = new Option<int>("--epochs") { DefaultValueFactory = _ => 10, Description = "Epochs that train the head, with the base frozen." };
        var head = new Option<string>("--head") { DefaultValueFactory = _ => "gap-dense256", Description = "Head to put on the base: gap-dense256 (global average pooling, a dense layer of 256, the classes), flatten-dense256, or gap (without the dense layer)." };
        head.AcceptOnlyFromAmong("gap-dense256", "flatten-dense256", "gap");
        var optimizer = new Option<string>("--optimizer") { DefaultValueFactory = _ => "adam", Description = "Optimizer: sgd, rmsprop, adam, adamw, adamax, nadam, adagrad or adadelta." };
        optimizer.AcceptOnlyFromAmong("sgd", "rmsprop", "adam", "adamw", "adamax", "nadam", "adagrad", "adadelta");
        var rate = new Option<float>("--learning-rate") { DefaultValueFactory = _ => 1e-3f, Description = "Learning rate of the head." };
        var find = new Option<bool>("--find-learning-rate") { Description = "Before the head is trained, look for a learning rate: 100 steps at rates from 1e-7 to 10, which leave no trace. It is told, and the curve drawn as learning_rate.png; the training takes --learning-rate." };
        var unfreeze = new Option<int>("--unfreeze") { Description = "Afterwards, unfreeze this many blocks at the end of the base and train them with the head. By default none." };
        var unfreezeEpochs = new Option<int>("--unfreeze-epochs") { DefaultValueFactory = _ => 3, Description = "Epochs that train the unfrozen blocks." };
        var unfreezeRate = new Option<float>("--unfreeze-learning-rate") { DefaultValueFactory = _ => 1e-5f, Description = "Learning rate of these epochs." };
        var steps = new StepOptions();
        var mixUp = new Option<float>("--mixup") { Description = "Mixup: train on weighted means of two images and of their labels, with shares drawn by this alpha, such as 0.2. The base is then computed at every step." };
        var cutMix = new Option<float>("--cutmix") { Description = "CutMix: train on images in which a rectangle is another's, as are the labels in its share; with this alpha, 1 for any area. The base is then computed at every step." };
        var weighting = new Option<string>("--class-weights") { DefaultValueFactory = _ => "none", Description = "balanced makes the classes with few images count as much as others in the loss." };
        weighting.AcceptOnlyFromAmong("none", "balanced");
        var smoothing = new Option<float>("--label-smoothing") { Description = "The share of each label that is spread over all classes, such as 0.1: against wrong labels and answers that are too sure." };
        var patience = new Option<int?>("--patience") { Description = "Stop early: end the training of the head, and then that of the unfrozen blocks, when val_loss has not fallen for this many epochs, and keep the weights of the best epoch. By default all epochs run and the last weights are kept." };
        var resume = new Option<bool>("--resume") { Description = "Continue the training in --output that was interrupted, by Ctrl+C or otherwise. Give the same other options as then." };
        var augment = new Option<bool>("--augment") { Description = "Random rotation, shift, shear, zoom and flip." };
        var seed = new Option<int>("--seed") { Description = "Seed for everything that is random: the same seed gives the same result." };
        var threads = new Option<int?>("--threads") { Description = "Number of threads; by default one for each processor." };
        var bad = new Option<string>("--on-bad-image") { DefaultValueFactory = _ => "throw", Description = "What to do with damaged images: throw (list them all and stop), skip, or substitute (the next good image of the class)." };
        bad.AcceptOnlyFromAmong("throw", "skip", "substitute");
        var resize = new Option<string>("--resize") { DefaultValueFactory = _ => "bilinear", Description = "How images are resized: nearest, bilinear, bicubic or lanczos." };
        resize.AcceptOnlyFromAmong("nearest", "bilinear", "bicubic", "lanczos");
        var exif = new Option<bool>("--exif") { Description = "Turn photographs upright as their EXIF orientation says; the model remembers it." };
        var draft = new Option<bool>("--draft") { Description = "Decode a large JPEG at the half, quarter or eighth of its size that is no smaller than the input: several times faster for photographs of many megapixels, pixels differ by a few levels; the model remembers it." };
        var memory = new Option<int>("--image-memory") { DefaultValueFactory = _ => 512, Description = "MiB of memory for resized images between epochs; images that do not fit are decoded again in each epoch." };
        var cache = new Option<string?>("--feature-cache") { Description = "Folder that keeps what the frozen base computes for each image, for later runs. 'off' computes it at every step. By default it is kept for this run only." };
        var copies = new Option<int>("--augmented-copies") { Description = "With --augment: make this many variants of each image once, and train on them in turn; 0 makes new ones in every epoch." };
        var output = new Option<string>("--output") { Required = true, Description = "Folder for model.graft, history.json, history.csv, curves.png and confusion.png (of numbers, predicted.png)." };
        Option<string> precision = PrecisionOption.Create();
        Option<string?> device = DeviceOption.Create();
        var command = new Command("finetune", "Teach a pretrained base your own classes, labels or numbers.")
        {
            data, validation, split, network, weights, preprocess, size, batch, epochs, head, optimizer, rate, unfreeze, unfreezeEpochs, unfreezeRate, weighting, smoothing, patience, resume, augment, seed, threads, bad, resize, exif, draft, memory, cache, copies, output, precision, device,
        };
        labels.AddTo(command, asksKind: true);
        steps.AddTo(command);
        command.Add(find);
        command.Add(mixUp);
        command.Add(cutMix);
        command.Add(loss);
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            SetThreads(parsed.GetValue(threads));
            string named = ModelPath.Of(parsed.GetRequiredValue(network));
            if (PretrainedBase.IsFile(named) && !File.Exists(named))
                throw new UsageException($"--base {named} is neither a file nor one of {string.Join(", ", PretrainedBase.Names)}.");
            OutputKind kind = labels.Kind(parsed);
            if (kind != OutputKind.Values && parsed.GetValue(loss) is not null)
                throw new UsageException("--loss goes with --labels numbers; classes and labels have their cross-entropy.");
            if (kind != OutputKind.Classes && parsed.GetValue(weighting) == "balanced")
                throw new UsageException("--class-weights goes with one class for each photograph (--labels classes).");
            if (kind == OutputKind.Values && parsed.GetValue(smoothing) > 0)
                throw new UsageException("--label-smoothing is for classes and labels; numbers have nothing to spread over.");
            if (parsed.GetValue(mixUp) > 0 && parsed.GetValue(cutMix) > 0)
                throw new UsageException("--mixup and --cutmix: take one of them.");
            if (steps.WeightDecay(parsed) is not null && parsed.GetValue(optimizer) != "adamw")
                throw new UsageException("--weight-decay goes with --optimizer adamw.");
            Partners.Refuse(parsed, parsed.GetValue(unfreeze) == 0, "of use with --unfreeze N alone, which says how many blocks are trained then", unfreezeEpochs, unfreezeRate);
            Partners.Refuse(parsed, !parsed.GetValue(augment), "goes with --augment, whose images it keeps", copies);
            string learned = parsed.GetRequiredValue(data);
            string? check = parsed.GetValue(validation) ?? (FineTuningData.IsTable(learned) ? null : ImageFolder.FindSplit(learned).Validation);
            Partners.Refuse(parsed, check is not null, $"nothing is held back where there are images to validate on, as in {check}", split);
            var settings = new FineTuningSettings
            {
                FindsLearningRate = parsed.GetValue(find), Schedule = steps.Schedule(parsed), WarmUp = steps.WarmUp(parsed), WeightDecay = steps.WeightDecay(parsed), Clip = steps.Clip(parsed), Average = steps.Average(parsed),
                MixUp = (float)Within(parsed.GetValue(mixUp), 0, 100, mixUp.Name), CutMix = (float)Within(parsed.GetValue(cutMix), 0, 100, cutMix.Name),
                Labels = kind, ImageColumn = labels.Image(parsed), LabelColumns = labels.Columns(parsed), NumberLoss = parsed.GetValue(loss) ?? FineTuningTask.NumberLosses[0],
                Data = learned, Validation = parsed.GetValue(validation), Split = Within(parsed.GetValue(split), 0.01, 0.99, "--split"),
                Base = named, Weights = parsed.GetValue(weights), Preprocess = parsed.GetValue(preprocess), Size = parsed.GetValue(size) is int asked ? (int)Within(asked, PretrainedBase.IsFile(named) ? 1 : 32, 4096, "--size") : PretrainedBase.DefaultSize(named),
                Batch = (int)Within(parsed.GetValue(batch), 1, 65536, "--batch"), Epochs = (int)Within(parsed.GetValue(epochs), 1, 1e6, "--epochs"),
                Head = parsed.GetRequiredValue(head), Optimizer = parsed.GetRequiredValue(optimizer), LearningRate = (float)Within(parsed.GetValue(rate), 1e-10, 1e3, "--learning-rate"),
                Unfreeze = (int)Within(parsed.GetValue(unfreeze), 0, 1000, "--unfreeze"), UnfreezeEpochs = (int)Within(parsed.GetValue(unfreezeEpochs), 1, 1e6, "--unfreeze-epochs"),
                UnfreezeLearningRate = (float)Within(parsed.GetValue(unfreezeRate), 1e-10, 1e3, "--unfreeze-learning-rate"), Patience = parsed.GetValue(patience) is int epochsWithout ? (int)Within(epochsWithout, 1, 1e6, "--patience") : null, Resume = parsed.GetValue(resume), Augment = parsed.GetValue(augment), Seed = parsed.GetValue(seed),
                IsBalanced = parsed.GetValue(weighting) == "balanced", LabelSmoothing = (float)Within(parsed.GetValue(smoothing), 0, 0.99, "--label-smoothing"),
                BadImages = Enum.Parse<BadImages>(parsed.GetRequiredValue(bad), ignoreCase: true), Resize = Enum.Parse<Training.ResizeFilter>(parsed.GetRequiredValue(resize), ignoreCase: true), Exif = parsed.GetValue(exif), Draft = parsed.GetValue(draft),
                ImageMemory = (long)Within(parsed.GetValue(memory), 0, 1e6, "--image-memory") << 20,
                FeatureCache = new FeatureCacheOptions
                {
                    IsEnabled = parsed.GetValue(cache) != "off", Folder = parsed.GetValue(cache) is "off" ? null : parsed.GetValue(cache),
                    AugmentedCopies = (int)Within(parsed.GetValue(copies), 0, 10_000, "--augmented-copies"),
                },
                Precision = PrecisionOption.Read(parsed, precision, terminal), Output = parsed.GetRequiredValue(output),
            };
            terminal.Line(FineTuning.Run(settings, terminal).Score);
            return Application.Done;
        });
        return command;
    }

    /// <summary>Sets the number of threads where it was asked for.</summary>
    public static void SetThreads(int? threads)
    {
        if (threads is { } count)
            CpuThreads.Count = (int)Within(count, 1, 1024, "--threads");
    }

    /// <summary>A number that lies in a range.</summary>
    /// <exception cref="UsageException">It does not.</exception>
    public static double Within(double value, double low, double high, string option) => value >= low && value <= high ? value
        : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"{option} {value} is outside {low} to {high}."));
}
