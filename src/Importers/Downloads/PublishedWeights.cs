namespace Graft.Importers.Downloads;

/// <summary>Published weights of a network: which files, from where, how large, with which digests.</summary>
/// <remarks>
/// Keras's files: addresses and MD5 stand in keras-team/keras, keras/src/applications/vgg16.py and resnet.py. Keras gives no SHA-256;
/// where one is given here, others have published it for the file with that MD5, and both are checked. GPT-2: sizes and
/// SHA-256 of Hugging Face's repository openai-community/gpt2 at the revision below.
/// </remarks>
public sealed record PublishedWeights
{
    private const string Gpt2Revision = "openai-community/gpt2/resolve/607a30d783dfa663caf39e06633721c8d4cfcd7e/";

    private static readonly Uri Keras = new("https://storage.googleapis.com/tensorflow/keras-applications/");
    private static readonly Uri HuggingFace = new("https://huggingface.co/");

    /// <summary>The networks that can be pulled.</summary>
    public static IReadOnlyList<PublishedWeights> All { get; } =
    [
        new()
        {
            Name = "vgg16", BaseAddress = Keras,
            Files = [new("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", 58_889_256,
                "bfe5187d0a272bed55ba430631598124cff8e880b98d38c9e56c8d66032abdc1", "6d6bbae143d832006294945121d1f1fc")],
            TopFiles = [new("vgg16_weights_tf_dim_ordering_tf_kernels.h5", "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5", 553_467_096,
                null, "64373286793e3c8b2b4e3219cbf3544b")],
        },
        new()
        {
            Name = "resnet50", BaseAddress = Keras,
            Files = [new("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", 94_765_736,
                null, "4d473c1dd8becc155b73f8504c6f6626")],
            TopFiles = [new("resnet50_weights_tf_dim_ordering_tf_kernels.h5", "resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5", 102_967_424,
                "7011d39ea4f61f4ddb8da99c4addf3fae4209bfda7828adb4698b16283258fbe", "2cb95161c43110f7111970584f804107")],
        },
        new()
        {
            Name = "gpt2", BaseAddress = HuggingFace, Repository = ["openai-community/gpt2", "gpt2"],
            Files =
            [
                new("config.json", $"{Gpt2Revision}config.json", 665, "0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4"),
                new("vocab.json", $"{Gpt2Revision}vocab.json", 1_042_301, "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"),
                new("merges.txt", $"{Gpt2Revision}merges.txt", 456_318, "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"),
                new("model.safetensors", $"{Gpt2Revision}model.safetensors", 548_105_171, "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707"),
            ],
        },
    ];

    /// <summary>Name of the network: "vgg16".</summary>
    public required string Name { get; init; }

    /// <summary>The publisher's address, with a slash at the end; the files' addresses are below it.</summary>
    public required Uri BaseAddress { get; init; }

    /// <summary>What is pulled; of a classifier of images, the base without its top.</summary>
    public required IReadOnlyList<PublishedFile> Files { get; init; }

    /// <summary>The network with its classifier; empty where there is no such choice.</summary>
    public IReadOnlyList<PublishedFile> TopFiles { get; init; } = [];

    /// <summary>Names of the repository at Hugging Face, under which its cache keeps the files; empty for Keras's.</summary>
    public IReadOnlyList<string> Repository { get; init; } = [];

    /// <summary>The weights of a network.</summary>
    /// <exception cref="GraftException">None are known under that name; the message lists those that are.</exception>
    public static PublishedWeights Of(string name) => All.FirstOrDefault(w => w.Name == name)
        ?? throw new GraftException($"No published weights are known for '{name}'; known are {string.Join(", ", All.Select(w => w.Name))}.");
}
