using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Graft.Serving;

/// <summary>Reads what a request carries.</summary>
internal static class RequestBody
{
    private const string CurlDefault = "application/x-www-form-urlencoded"; // what curl -d says of anything

    /// <summary>The media type without parameters, in small letters; "" where none is given.</summary>
    public static string MediaType(HttpRequest request) => (request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();

    /// <summary>All bytes; the server's limit holds.</summary>
    /// <exception cref="RequestException">There are none.</exception>
    public static async Task<byte[]> Bytes(HttpRequest request)
    {
        using var bytes = new MemoryStream(); // grows by what comes, not by what the header claims
        await request.Body.CopyToAsync(bytes, request.HttpContext.RequestAborted).ConfigureAwait(false);
        return bytes.Length > 0 ? bytes.ToArray() : throw new RequestException(StatusCodes.Status400BadRequest, $"The request has no body. {request.Method} {request.Path} takes one; GET / shows how.");
    }

    /// <summary>True for JSON: by its media type, or as curl -d and clients of TensorFlow Serving send it, without saying so.</summary>
    public static bool IsJson(string mediaType, byte[] body) =>
        mediaType == "application/json" || (mediaType is CurlDefault or "" && body.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{', ..]);

    /// <summary>Text in UTF-8.</summary>
    /// <exception cref="RequestException">It is none.</exception>
    public static string Text(byte[] body)
    {
        try
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(body);
        }
        catch (DecoderFallbackException e)
        {
            throw new RequestException(StatusCodes.Status400BadRequest, $"The body is no UTF-8: byte {e.Index} does not belong there. Send the text as UTF-8.");
        }
    }

    /// <summary>The files of a form.</summary>
    /// <exception cref="RequestException">It is damaged, or has none.</exception>
    public static async Task<IFormFileCollection> Files(HttpRequest request)
    {
        try
        {
            var options = new FormOptions { MemoryBufferThreshold = int.MaxValue, MultipartBodyLengthLimit = long.MaxValue, BufferBody = false }; // the body's limit holds, and nothing is written to disk
            IFormCollection form = await new FormFeature(request, options).ReadFormAsync(request.HttpContext.RequestAborted).ConfigureAwait(false);
            return form.Files.Count > 0 ? form.Files : throw new RequestException(StatusCodes.Status400BadRequest,
                $"The form has no file{(form.Count > 0 ? $", only the field{(form.Count > 1 ? "s" : "")} {string.Join(", ", form.Keys.Select(k => $"'{k}'"))}" : "")}. With curl: -F image=@cat.jpg, once for each image.");
        }
        catch (Exception e) when (e is InvalidDataException or IOException and not BadHttpRequestException) // a part that is wrong, or an end that is missing
        {
            throw new RequestException(StatusCodes.Status400BadRequest, $"The multipart form cannot be read: {e.Message.TrimEnd('.', ' ')}. Send parts as a browser or curl -F does.");
        }
    }

    /// <summary>A media type that the endpoint does not take.</summary>
    public static RequestException Unsupported(string mediaType, string expected) => new(StatusCodes.Status415UnsupportedMediaType,
        $"The body is {(mediaType.Length == 0 ? "of no type (no Content-Type)" : mediaType)}; {expected}{(mediaType == CurlDefault ? " curl calls a body so unless -H 'Content-Type: ...' says otherwise." : "")}");

    /// <summary>What is wrong with JSON, as an answer.</summary>
    public static RequestException NoJson(JsonException e)
    {
        string where = e.LineNumber is long line ? $" (line {line + 1}, byte {e.BytePositionInLine + 1})" : "";
        return new RequestException(StatusCodes.Status400BadRequest, $"The body is no JSON: {e.Message.Split(" LineNumber:")[0].TrimEnd('.')}{where}.");
    }
}
