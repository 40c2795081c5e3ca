using System.Net.Http.Headers;

namespace Graft.Importers.Downloads;

/// <summary>What has arrived of a file, under a temporary name, with the validator of the server's copy beside it.</summary>
internal sealed class PartialFile(string path)
{
    /// <summary>The temporary name.</summary>
    public string Path { get; } = $"{path}.part";

    private string ValidatorPath => $"{path}.part.validator";

    /// <summary>How much has arrived.</summary>
    public long Bytes => File.Exists(Path) ? new FileInfo(Path).Length : 0;

    /// <summary>What If-Range asks with: a strong entity tag or a date; null where the server gave none.</summary>
    public RangeConditionHeaderValue? Validator =>
        File.Exists(ValidatorPath) && RangeConditionHeaderValue.TryParse(File.ReadAllText(ValidatorPath), out RangeConditionHeaderValue? value) ? value : null;

    /// <summary>Opens the file for an answer: at its end for a part (206), emptied for a whole (200).</summary>
    public FileStream Open(HttpResponseMessage response)
    {
        if ((int)response.StatusCode == 206)
            return new FileStream(Path, FileMode.Append, FileAccess.Write);
        EntityTagHeaderValue? tag = response.Headers.ETag;
        string? validator = tag is { IsWeak: false } ? tag.ToString() : response.Content.Headers.LastModified?.ToString("R");
        if (validator is null)
            File.Delete(ValidatorPath);
        else
            File.WriteAllText(ValidatorPath, validator);
        return new FileStream(Path, FileMode.Create, FileAccess.Write);
    }

    /// <summary>Gives the file its name.</summary>
    public void Complete()
    {
        File.Move(Path, path, overwrite: true);
        File.Delete(ValidatorPath);
    }

    /// <summary>Removes what has arrived.</summary>
    public void Remove()
    {
        File.Delete(Path);
        File.Delete(ValidatorPath);
    }
}
