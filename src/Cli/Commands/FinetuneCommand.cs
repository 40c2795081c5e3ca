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
        var data = new Option<string>("--data") { Required = true, Description = "Folder with a folder of images for each class, or with train/ and validation/ inside." };
        var validation = new Option<string?>("--validation") { Description = "Folder to validate on; without it, validation/ beside train/, or a share of --data." };
        var split = new Option<double>("--split") { DefaultValueFactory = _ => 0.2, Description = "Share of --data to validate on where there is no validation folder." };
        var network = new Option<string>("--base") { DefaultValueFactory = _ => "resnet18", Description = "Pretrained base: resnet18 (comes along), vgg16 or resnet50 (with --weights, or pulled), squeezenet (with --weights); or a file: a model of Keras or ONNX, or a .graft file, whose head is cut off." };
        var preprocess = new Option<string?>("--preprocess") { Description = "How a base from a file wants pixels: none (0 to 255), rescale (0 to 1), tf (-1 to 1), torch, caffe; a .graft file says it itself, and an ONNX file of this program." };
        preprocess.AcceptOnlyFromAmong(ImportedBase.Preprocessings);
        var weights = new Option<string?>("--weights") { Description = "Weight file of the base: Keras .h5 or .keras, safetensors, ONNX; resnet18 has its own." };
        var size = new Option<int?>("--size") { Description = "Rows and columns that images are resized to; by default 224, 150 for vgg16 and 227 for squeezenet." };
        var batch = new Option<int>("--batch") { DefaultValueFactory = _ => 32, Description = "Images a step." };
        var epochs = new Option<int>("--epochs") { DefaultValueFactory = _ => 10, Description = "Epochs with the frozen base." };
        var head = new Option<string>("--head") { DefaultValueFactory = _ => "gap-dense256", Description = "Head: gap-dense256, flatten-dense256 or gap." };
        head.AcceptOnlyFromAmong("gap-dense256", "flatten-dense256", "gap");
        var optimizer = new Option<string>("--optimizer") { DefaultValueFactory = _ => "adam", Description = "sgd, rmsprop, adam, adamw, adamax, nadam, adagrad or adadelta." };
        optimizer.AcceptOnlyFromAmong("sgd", "rmsprop", "adam", "adamw", "adamax", "nadam", "adagrad", "adadelta");
        var rate = new Option<float>("--learning-rate") { DefaultValueFactory = _ => 1e-3f, Description = "Learning rate of the head." };
        var unfreeze = new Option<int>("--unfreeze") { Description = "Blocks at the end of the base to train afterwards." };
        var unfreezeEpochs = new Option<int>("--unfreeze-epochs") { DefaultValueFactory = _ => 3, Description = "Epochs with these blocks." };
        var unfreezeRate = new Option<float>("--unfreeze-learning-rate") { DefaultValueFactory = _ => 1e-5f, Description = "Learning rate of these epochs." };
        var patience = new Option<int?>("--patience") { Description = "Stop early: end the training of the head, and then that of the unfrozen blocks, when val_loss has not fallen for this many epochs, and keep the weights of the best epoch. By default all epochs run and the last weights are kept." };
        var augment = new Option<bool>("--augment") { Description = "Random rotation, shift, shear, zoom and flip." };
        var seed = new Option<int>("--seed") { Description = "Seed of everything random." };
        var threads = new Option<int?>("--threads") { Description = "Threads; by default one a processor." };
        var bad = new Option<string>("--on-bad-image") { DefaultValueFactory = _ => "throw", Description = "throw, skip, or substitute (the next good image of the class)." };
        bad.AcceptOnlyFromAmong("throw", "skip", "substitute");
        var resize = new Option<string>("--resize") { DefaultValueFactory = _ => "bilinear", Description = "nearest, bilinear, bicubic or lanczos." };
        resize.AcceptOnlyFromAmong("nearest", "bilinear", "bicubic", "lanczos");
        var exif = new Option<bool>("--exif") { Description = "Turn photographs upright as their EXIF orientation says; the model remembers it." };
        var memory = new Option<int>("--image-memory") { DefaultValueFactory = _ => 512, Description = "MiB of resized images that are kept between epochs; those beyond are decoded again." };
        var cache = new Option<string?>("--feature-cache") { Description = "Folder where the frozen base's features stay for later runs; 'off' computes them at every step. By default they are kept for this run alone." };
        var copies = new Option<int>("--augmented-copies") { Description = "With --augment: variants of each image that are kept and trained on in turn; 0 draws new ones in every epoch." };
        var output = new Option<string>("--output") { Required = true, Description = "Folder for model.graft, history.json, history.csv and curves.png." };
        Option<string> precision = PrecisionOption.Create();
        Option<string?> device = DeviceOption.Create();
        var command = new Command("finetune", "Teach a pretrained base your own classes.")
        {
            data, validation, split, network, weights, preprocess, size, batch, epochs, head, optimizer, rate, unfreeze, unfreezeEpochs, unfreezeRate, patience, augment, seed, threads, bad, resize, exif, memory, cache, copies, output, precision, device,
        };
        command.SetAction(parsed =>
        {
            terminal.Device = DeviceOption.Read(parsed, device);
            SetThreads(parsed.GetValue(threads));
            string named = parsed.GetRequiredValue(network);
            if (PretrainedBase.IsFile(named) && !File.Exists(named))
                throw new UsageException($"--base {named} is neither a file nor one of {string.Join(", ", PretrainedBase.Names)}.");
            var settings = new FineTuningSettings
            {
                Data = parsed.GetRequiredValue(data), Validation = parsed.GetValue(validation), Split = Within(parsed.GetValue(split), 0.01, 0.99, "--split"),
                Base = named, Weights = parsed.GetValue(weights), Preprocess = parsed.GetValue(preprocess), Size = (int)Within(parsed.GetValue(size) ?? PretrainedBase.DefaultSize(named), 32, 4096, "--size"),
                Batch = (int)Within(parsed.GetValue(batch), 1, 65536, "--batch"), Epochs = (int)Within(parsed.GetValue(epochs), 1, 1e6, "--epochs"),
                Head = parsed.GetRequiredValue(head), Optimizer = parsed.GetRequiredValue(optimizer), LearningRate = (float)Within(parsed.GetValue(rate), 1e-10, 1e3, "--learning-rate"),
                Unfreeze = (int)Within(parsed.GetValue(unfreeze), 0, 1000, "--unfreeze"), UnfreezeEpochs = (int)Within(parsed.GetValue(unfreezeEpochs), 1, 1e6, "--unfreeze-epochs"),
                UnfreezeLearningRate = (float)Within(parsed.GetValue(unfreezeRate), 1e-10, 1e3, "--unfreeze-learning-rate"), Patience = parsed.GetValue(patience) is int epochsWithout ? (int)Within(epochsWithout, 1, 1e6, "--patience") : null, Augment = parsed.GetValue(augment), Seed = parsed.GetValue(seed),
                BadImages = Enum.Parse<BadImages>(parsed.GetRequiredValue(bad), ignoreCase: true), Resize = Enum.Parse<Training.ResizeFilter>(parsed.GetRequiredValue(resize), ignoreCase: true), Exif = parsed.GetValue(exif),
                ImageMemory = (long)Within(parsed.GetValue(memory), 0, 1e6, "--image-memory") << 20,
                FeatureCache = new FeatureCacheOptions
                {
                    IsEnabled = parsed.GetValue(cache) != "off", Folder = parsed.GetValue(cache) is "off" ? null : parsed.GetValue(cache),
                    AugmentedCopies = (int)Within(parsed.GetValue(copies), 0, 10_000, "--augmented-copies"),
                },
                Precision = PrecisionOption.Read(parsed, precision, terminal), Output = parsed.GetRequiredValue(output),
            };
            FineTuned made = FineTuning.Run(settings, terminal);
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"val_accuracy={made.ValidationAccuracy:F4}"));
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
