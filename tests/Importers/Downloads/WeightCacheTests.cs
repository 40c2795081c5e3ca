using Graft.Importers.Downloads;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.Downloads;

public sealed class WeightCacheTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void The_folder_is_the_named_one_else_GRAFT_CACHE_else_XDG_CACHE_HOME_else_the_systems()
    {
        var variables = new Dictionary<string, string> { ["GRAFT_CACHE"] = _files["variable"], ["XDG_CACHE_HOME"] = _files["xdg"], ["HOME"] = _files["home"] };
        string Folder(string? named) => WeightCache.Open(named, variables.GetValueOrDefault).Folder;
        Assert.Equal(_files["named"], Folder(_files["named"]));
        Assert.Equal(_files["variable"], Folder(null));
        variables.Remove("GRAFT_CACHE");
        Assert.Equal(Path.Combine(_files["xdg"], "graft"), Folder(null));
        variables.Remove("XDG_CACHE_HOME");
        Assert.EndsWith("graft", Folder(null), StringComparison.Ordinal);
        if (OperatingSystem.IsLinux())
            Assert.Equal(Path.Combine(_files["home"], ".cache", "graft"), Folder(null));
    }

    [Fact]
    public void The_folders_of_Keras_and_Hugging_Face_follow_their_variables()
    {
        var variables = new Dictionary<string, string> { ["HOME"] = _files["home"] };
        WeightCache Open() => WeightCache.Open(null, variables.GetValueOrDefault);
        Assert.Equal(Path.Combine(_files["home"], ".keras", "models"), Open().KerasFolder);
        Assert.Equal(Path.Combine(_files["home"], ".cache", "huggingface", "hub"), Open().HuggingFaceFolder);
        (variables["KERAS_HOME"], variables["HF_HOME"]) = (_files["keras"], _files["hf"]);
        Assert.Equal(Path.Combine(_files["keras"], "models"), Open().KerasFolder);
        Assert.Equal(Path.Combine(_files["hf"], "hub"), Open().HuggingFaceFolder);
        variables["HF_HUB_CACHE"] = _files["hub"];
        Assert.Equal(_files["hub"], Open().HuggingFaceFolder);
    }

    [Fact]
    public void Only_files_with_all_their_bytes_are_found_and_the_own_cache_comes_first()
    {
        PublishedWeights gpt = PublishedWeights.Of("gpt2");
        PublishedFile config = gpt.Files[0];
        WeightCache cache = Cache();
        string snapshot = _files[Path.Combine("hub", "models--gpt2", "snapshots", "11c5a3d5811f50298f278a704980280950aedb10", config.Name)];
        Place(snapshot, (int)config.Bytes - 1);
        Assert.Null(cache.Find(gpt, config));
        Assert.Contains(snapshot, Assert.Throws<WeightsMissingException>(() => cache.Require(gpt, config)).Searched);
        Place(snapshot, (int)config.Bytes);
        Assert.Equal(snapshot, cache.Find(gpt, config));
        Place(cache.PathOf(gpt, config), (int)config.Bytes);
        Assert.Equal(cache.PathOf(gpt, config), cache.Find(gpt, config));
    }

    [Fact]
    public void The_list_tells_whole_files_from_parts_and_from_others()
    {
        WeightCache cache = Cache();
        PublishedWeights vgg = PublishedWeights.Of("vgg16");
        Place(Path.Combine(cache.KerasFolder, vgg.Files[0].Name), 21463040); // a download that Keras was interrupted in
        Place(Path.Combine(cache.KerasFolder, "other.h5"), 5);
        Place($"{cache.PathOf(vgg, vgg.TopFiles[0])}.part", 7);
        Place(Path.Combine(cache.Folder, "vgg16", ".lock"), 0);
        IReadOnlyList<CachedFile> list = cache.List();
        Assert.Equal([$"{vgg.TopFiles[0].Name}.part", "other.h5", vgg.Files[0].Name], list.Select(f => Path.GetFileName(f.Path)));
        Assert.All(list, f => Assert.False(f.IsWhole));
        Assert.Equal(vgg.Files[0], list[2].Published);
        Assert.Equal([7L, 5, 21463040], list.Select(f => f.Bytes));
    }

    [Fact]
    public void Every_published_file_has_a_size_a_digest_and_an_address()
    {
        foreach (PublishedWeights weights in PublishedWeights.All)
        {
            Assert.EndsWith("/", weights.BaseAddress.AbsoluteUri, StringComparison.Ordinal);
            foreach (PublishedFile file in weights.Files.Concat(weights.TopFiles))
            {
                Assert.True(file.Bytes > 0);
                Assert.EndsWith($"/{file.Name}", file.Address, StringComparison.Ordinal);
                Assert.Matches("^([0-9a-f]{64})?/([0-9a-f]{32})?$", $"{file.Sha256}/{file.Md5}");
                Assert.NotEqual("/", $"{file.Sha256}/{file.Md5}");
            }
        }
        Assert.Contains("vgg16, resnet50, gpt2", Assert.Throws<GraftException>(() => PublishedWeights.Of("bert")).Message, StringComparison.Ordinal);
    }

    private WeightCache Cache() => WeightCache.Open(_files["cache"], name => name switch
    {
        "KERAS_HOME" => _files["keras"],
        "HF_HUB_CACHE" => _files["hub"],
        _ => null,
    });

    private static void Place(string path, int bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream stream = File.Create(path);
        stream.SetLength(bytes);
    }
}
