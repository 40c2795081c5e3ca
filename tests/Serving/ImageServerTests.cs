using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Graft.Cli;
using Graft.Importers.Images;
using Graft.Layers;
using Graft.Models;
using Graft.Serving;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Serving;

/// <summary>Images as they are uploaded.</summary>
public sealed class ImageServerTests
{
    private const int Size = 24;
    private static readonly byte[] s_rose = FlowerPainter.Paint("rose", 1), s_daisy = FlowerPainter.Paint("daisy", 2);

    [Fact]
    public async Task An_image_is_read_as_the_models_preprocessing_says_and_its_likeliest_classes_are_named()
    {
        Sequential model = Classifier(6);
        model.ClassNames = ["a", "b", "c", "d", "e", "f"];
        await using TestServer server = await Start(model);
        foreach (string? type in new[] { "image/jpeg", "application/octet-stream", null })
        {
            (HttpStatusCode status, JsonNode answer) = await server.Bytes("/predict", s_rose, type);
            Assert.Equal(HttpStatusCode.OK, status);
            CheckScores(Expected(model, s_rose), model.ClassNames, answer["predictions"]![0]!, count: 5);
        }
        (_, JsonNode all) = await server.Bytes("/v1/models/model:predict?top=100", s_daisy, "image/jpeg");
        CheckScores(Expected(model, s_daisy), model.ClassNames, all["predictions"]![0]!, count: 6);
        JsonNode description = await server.Get("/v1/models/model");
        Assert.Equal(model.ClassNames, description["classes"]!.AsArray().Select(c => (string)c!));
        Assert.Equal(("tf", Size), ((string)description["preprocessing"]!["name"]!, (int)description["preprocessing"]!["input"]!["height"]!));
    }

    [Fact]
    public async Task Several_images_come_as_a_form_or_in_base64()
    {
        Sequential model = Classifier(1);
        model.ClassNames = ["no", "yes"];
        await using TestServer server = await Start(model);
        using var form = new MultipartFormDataContent { { new ByteArrayContent(s_rose), "image", "rose.jpg" }, { new ByteArrayContent(s_daisy), "image", "daisy.jpg" } };
        (HttpStatusCode status, JsonNode answer) = await server.Post("/predict", form, form.Headers.ContentType!.ToString());
        Assert.Equal(HttpStatusCode.OK, status);
        JsonArray predictions = answer["predictions"]!.AsArray();
        Assert.Equal(["rose.jpg", "daisy.jpg"], predictions.Select(p => (string)p!["image"]!));
        byte[][] images = [s_rose, s_daisy];
        for (int i = 0; i < images.Length; i++)
        {
            float yes = Expected(model, images[i])[0];
            CheckScores([1 - yes, yes], model.ClassNames, predictions[i]!, count: 2);
            predictions[i]!.AsObject().Remove("image");
        }
        var reader = new ImageReader(model.Preprocessing!);
        string numbers = Nested(reader.Read(s_daisy, "daisy"));
        (_, JsonNode same) = await server.Json("/predict", $$"""{"instances": [{"b64": "{{Convert.ToBase64String(s_rose)}}"}, {{numbers}}]}""");
        Assert.Equal(predictions.ToJsonString(), same["predictions"]!.ToJsonString());
    }

    [Fact]
    public async Task Damaged_images_and_other_bodies_are_refused_by_name_and_the_server_goes_on()
    {
        Sequential model = Classifier(2);
        model.ClassNames = ["no", "yes"];
        await using TestServer server = await Start(model, new ServerOptions { Queue = 3 });
        (HttpStatusCode status, JsonNode answer) = await server.Bytes("/predict", s_rose[..(s_rose.Length / 2)], "image/jpeg");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "The body: the Jpeg data ends before the last row; the file is truncated."), (status, (string)answer["error"]!));
        await server.Fails(HttpStatusCode.UnprocessableEntity, "not an image (it begins with the text \"hello\")", "/predict", "hello", "image/png");
        await server.Fails(HttpStatusCode.UnprocessableEntity, "instances[0]: not an image", "/predict", """{"instances": [{"b64": "aGVsbG8="}]}""");
        await server.Fails(HttpStatusCode.BadRequest, "instances[0].b64 is no base64", "/predict", """{"instances": [{"b64": "?"}]}""");
        await server.Fails(HttpStatusCode.BadRequest, "instances[0] has no \"b64\"", "/predict", """{"instances": [{"url": "http://x"}]}""");
        await server.Fails(HttpStatusCode.BadRequest, "has \"x\" beside \"b64\"", "/predict", """{"instances": [{"b64": "", "x": 1}]}""");
        await server.Fails(HttpStatusCode.BadRequest, "instances[0] is a text; an image", "/predict", """{"instances": ["rose.jpg"]}""");
        await server.Fails(HttpStatusCode.BadRequest, "instances[0] has 1 entries; input", "/predict", $$"""{"instances": [[[{{string.Join(",", Enumerable.Repeat("[0,0,0]", Size))}}]]]}""");
        await server.Fails(HttpStatusCode.UnsupportedMediaType, "curl calls a body so unless -H", "/predict", "\u0001", "application/x-www-form-urlencoded");
        await server.Fails(HttpStatusCode.BadRequest, "?top=0: a whole number from 1 on", "/predict?top=0", "x", "image/png");
        await server.Fails(HttpStatusCode.BadRequest, "?topp: /predict has no such parameter; it takes ?top and ?threshold, each once. GET / shows how.", "/predict?topp=1", "x", "image/png");
        await server.Fails(HttpStatusCode.BadRequest, "?top: comes 2 times; it takes ?top and ?threshold, each once.", "/predict?top=1&top=2", "x", "image/png");
        using (var packed = new ByteArrayContent(s_rose) { Headers = { ContentEncoding = { "gzip" } } })
        {
            (status, answer) = await server.Post("/predict", packed, "image/jpeg");
            Assert.Equal((HttpStatusCode.UnsupportedMediaType, "The body is encoded as gzip (Content-Encoding), which this server does not unpack; send it as it is."), (status, (string)answer["error"]!));
        }
        using var bad = new MultipartFormDataContent { { new ByteArrayContent(s_rose), "image", "rose.jpg" }, { new ByteArrayContent([1, 2]), "image", "bad.jpg" } };
        (status, answer) = await server.Post("/predict", bad, bad.Headers.ContentType!.ToString());
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "bad.jpg: not an image (it begins with 0102); JPEG, PNG, BMP, GIF, WebP, PPM and TIFF are read."), (status, (string)answer["error"]!));
        using var field = new MultipartFormDataContent { { new StringContent("rose.jpg"), "image" } };
        (status, answer) = await server.Post("/predict", field, field.Headers.ContentType!.ToString());
        Assert.Equal((HttpStatusCode.BadRequest, "The form has no file, only the field 'image'. With curl: -F image=@cat.jpg, once for each image."), (status, (string)answer["error"]!));
        await server.Fails(HttpStatusCode.BadRequest, "The multipart form cannot be read", "/predict", "no form", "multipart/form-data; boundary=x");
        using var many = new MultipartFormDataContent();
        foreach (int i in Enumerable.Range(0, 4))
            many.Add(new ByteArrayContent(s_rose), "image", $"{i}.jpg");
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await server.Post("/predict", many, many.Headers.ContentType!.ToString())).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.Bytes("/predict", s_rose, "image/jpeg")).Status);
        Assert.Equal(0, server.Server.InProgress);
    }

    [Fact]
    public async Task Several_labels_have_each_their_probability_and_those_above_a_threshold_are_said()
    {
        Sequential model = Classifier(3, Activation.Sigmoid);
        (model.ClassNames, model.OutputKind) = (["red", "round", "big"], OutputKind.Labels);
        await using TestServer server = await Start(model);
        float[] expected = Expected(model, s_rose);
        foreach ((string query, float threshold) in new[] { ("", 0.5f), ($"?threshold={expected.Order().ElementAt(1).ToString("R", CultureInfo.InvariantCulture)}", expected.Order().ElementAt(1)), ("?threshold=0", 0), ("?threshold=1", 1) })
        {
            (_, JsonNode answer) = await server.Bytes($"/predict{query}", s_rose, "image/jpeg");
            JsonNode prediction = answer["predictions"]![0]!;
            Assert.Equal(["labels", "probabilities"], prediction.AsObject().Select(m => m.Key));
            Assert.Equal(model.ClassNames.Zip(expected), prediction["probabilities"]!.AsObject().Select(p => (p.Key, (float)p.Value!)));
            Assert.Equal(model.ClassNames.Where((_, i) => expected[i] > threshold), prediction["labels"]!.AsArray().Select(l => (string)l!));
        }
        await server.Fails(HttpStatusCode.BadRequest, "?threshold=2: a number from 0 to 1 is due", "/predict?threshold=2", "x", "image/png");
        await server.Fails(HttpStatusCode.BadRequest, "?threshold=-1: a number from 0 to 1 is due", "/predict?threshold=-1", "x", "image/png");
        await server.Fails(HttpStatusCode.BadRequest, "?top is for models of classes of which an image has one", "/predict?top=1", "x", "image/png");
        JsonNode description = await server.Get("/v1/models/model");
        Assert.Equal(model.ClassNames, description["labels"]!.AsArray().Select(c => (string)c!));
        Assert.Contains("(image classifier, 3 labels)", await server.Client.GetStringAsync("/", TestServer.Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Numbers_come_by_name()
    {
        Sequential model = Classifier(1, Activation.Linear);
        (model.ClassNames, model.OutputKind) = (["age"], OutputKind.Values);
        await using TestServer server = await Start(model);
        (_, JsonNode answer) = await server.Bytes("/predict", s_rose, "image/jpeg");
        Assert.Equal($"{{\"values\":{{\"age\":{Expected(model, s_rose)[0].ToString("R", CultureInfo.InvariantCulture)}}}}}", answer["predictions"]![0]!.ToJsonString());
        await server.Fails(HttpStatusCode.BadRequest, "?threshold is for models of labels", "/predict?threshold=0.5", "x", "image/png");
        JsonNode description = await server.Get("/v1/models/model");
        Assert.Equal(("image-regression", "age"), ((string)description["task"]!, (string)description["values"]![0]!));
    }

    [Fact]
    public async Task Classes_of_ImageNet_have_their_ids()
    {
        Sequential model = Classifier(ImageNet.Classes.Count);
        await using TestServer server = await Start(model);
        (_, JsonNode answer) = await server.Bytes("/predict?top=3", s_rose, "image/jpeg");
        ImageNetPrediction[] expected = ImageNet.DecodePredictions([Expected(model, s_rose)], 3)[0];
        Assert.Equal(expected.Select(p => (p.Wnid, p.Name, p.Probability)), answer["predictions"]![0]!["top"]!.AsArray().Select(p => ((string)p!["wnid"]!, (string)p["class"]!, (float)p["probability"]!)));
    }

    private static Sequential Classifier(int outputs) => Classifier(outputs, outputs == 1 ? Activation.Sigmoid : Activation.Softmax);

    private static Sequential Classifier(int outputs, Activation last) => new(Size, Size, 3)
    {
        new Conv2D(8, 3) { Activation = Activation.ReLU }, new GlobalAveragePooling2D(), new Dense(outputs, last),
    };

    private static Task<TestServer> Start(Sequential model, ServerOptions? options = null)
    {
        model.Preprocessing = Preprocessing.Tf.For(new ImageInput(Size, Size, ResizeFilter.Bilinear));
        return TestServer.Start(new ImageClassifier(model), model, options);
    }

    private static float[] Expected(Model model, byte[] image)
    {
        var reader = new ImageReader(model.Preprocessing!);
        return model.Predict(reader.Read(image, "image"), reader.Shape.Prepend(1), TestServer.Cancellation)[0];
    }

    private static void CheckScores(float[] expected, IReadOnlyList<string> names, JsonNode prediction, int count)
    {
        (string, float)[] best = [.. names.Zip(expected).OrderByDescending(c => c.Second).Take(count)];
        Assert.Equal(best, prediction["top"]!.AsArray().Select(c => ((string)c!["class"]!, (float)c["probability"]!)));
        Assert.Equal(best[0], ((string)prediction["class"]!, (float)prediction["probability"]!));
    }

    private static string Nested(float[] values) => "[" + string.Join(",", values.Chunk(Size * 3).Select(row => "[" + string.Join(",", row.Chunk(3).Select(p => "[" + string.Join(",", p.Select(v => v.ToString("R", CultureInfo.InvariantCulture))) + "]")) + "]")) + "]";
}
