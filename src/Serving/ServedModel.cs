using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>A model as a server shows it: what it is, and the paths at which it answers.</summary>
/// <remarks>The model inside remains its owner's, who keeps it until the server has stopped.</remarks>
public abstract class ServedModel : IAsyncDisposable
{
    private protected ServedModel()
    {
    }

    /// <summary>What it does, in the words of Hugging Face: "image-classification", "text-generation", ...</summary>
    public abstract string Kind { get; }

    /// <summary>The same for people, with what can be counted: "image classifier, 5 classes".</summary>
    public abstract string Summary { get; }

    /// <summary>The device that it runs on.</summary>
    public abstract Device Device { get; }

    /// <summary>What a client needs to know: inputs, outputs, classes, preprocessing.</summary>
    internal abstract JsonObject Describe();

    /// <summary>Begins to work for a server, and computes something once, so that what cannot be computed is found now.</summary>
    internal abstract void Start(ServerOptions options, Admission admission, ServerMetrics metrics);

    /// <summary>Where it answers.</summary>
    internal abstract IReadOnlyList<Endpoint> Endpoints { get; }

    /// <summary>Ends its work; the server has no requests any more.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>A path, and what is done there.</summary>
/// <param name="Method">GET or POST.</param>
/// <param name="Path">The path; "/v1/models/NAME:predict" with the model's name in it.</param>
/// <param name="Label">What metrics call it.</param>
/// <param name="Answer">Reads the request and writes the response.</param>
/// <param name="Help">What it takes and gives, for the page of help; null for another name of an endpoint before.</param>
/// <param name="Example">Arguments of curl that try it, behind which the address follows; null for none.</param>
/// <param name="Query">Names that may stand behind the '?'; null where nobody looks at what does, such as a probe's time.</param>
internal sealed record Endpoint(string Method, string Path, string Label, Func<HttpContext, Task> Answer, string? Help = null, string? Example = null, IReadOnlyList<string>? Query = null);
