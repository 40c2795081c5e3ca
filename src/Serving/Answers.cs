using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Graft.Serving;

/// <summary>Writes responses.</summary>
internal static class Answers
{
    // Answers are no HTML: letters of all languages are written as they are.
    private static readonly JavaScriptEncoder s_encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    private static readonly JsonSerializerOptions s_options = new() { Encoder = s_encoder };

    /// <summary>JSON, with a line end for those who read it on a terminal.</summary>
    public static Task Json(HttpContext context, Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = s_encoder }))
            write(json);
        bytes.Write("\n"u8);
        return Bytes(context, "application/json", bytes.WrittenMemory);
    }

    /// <summary>JSON.</summary>
    public static Task Json(HttpContext context, JsonObject json) => Bytes(context, "application/json", Encoding.UTF8.GetBytes(Line(json) + "\n"));

    /// <summary>Text.</summary>
    public static Task Text(HttpContext context, string type, string text) => Bytes(context, type, Encoding.UTF8.GetBytes(text));

    /// <summary>An error.</summary>
    public static Task Error(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        return Json(context, new JsonObject { ["error"] = message });
    }

    /// <summary>JSON on one line.</summary>
    public static string Line(JsonObject json) => json.ToJsonString(s_options);

    private static async Task Bytes(HttpContext context, string type, ReadOnlyMemory<byte> bytes)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted).ConfigureAwait(false);
    }
}
