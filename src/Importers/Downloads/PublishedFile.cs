namespace Graft.Importers.Downloads;

/// <summary>A file as its publisher describes it.</summary>
/// <param name="Name">File name.</param>
/// <param name="Address">Its place below the publisher's base address: "vgg16/vgg16_weights....h5".</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">SHA-256, 64 hexadecimal digits; null where none is published.</param>
/// <param name="Md5">MD5, which Keras publishes; null where none is.</param>
public sealed record PublishedFile(string Name, string Address, long Bytes, string? Sha256, string? Md5 = null);
