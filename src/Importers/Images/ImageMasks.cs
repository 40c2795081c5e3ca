using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>
/// Photographs with a class for each pixel (semantic segmentation): a folder of photographs, and one of masks with the same names. Augmentation moves both alike.
/// </summary>
/// <remarks>
/// A mask is a PNG of gray or with a palette, whose pixels are the numbers of classes, or any other image whose gray says them (<see cref="MaskOptions"/>); it is brought to the photograph's size by the nearest pixel.
/// <see cref="ImageFolderOptions.LabelKind"/> says what labels are:
/// <list type="bullet">
/// <item>Sparse: [H,W], the number of the class. For a softmax of K channels.</item>
/// <item>Categorical: [H,W,K], one-hot.</item>
/// <item>Binary: [H,W,1], 0 or 1, of two classes. For a sigmoid of one channel.</item>
/// </list>
/// </remarks>
public sealed class ImageMasks : ImageBatches
{
    private readonly MaskReader _masks;
    private readonly byte _outside; // the class where a moved photograph has no pixel

    private ImageMasks(ImageFolderOptions options, Preprocessing preprocessing, int batchSize, IReadOnlyList<string> classes, MaskReader masks, byte outside, IReadOnlyList<Sample> samples, IReadOnlyList<string> badFiles)
        : base(options, preprocessing, batchSize, samples, badFiles) => (ClassNames, _masks, _outside) = (classes, masks, outside);

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override Shape LabelShape => LabelKind switch
    {
        LabelKind.Sparse => new Shape(SampleShape[0], SampleShape[1]),
        LabelKind.Binary => new Shape(SampleShape[0], SampleShape[1], 1),
        _ => new Shape(SampleShape[0], SampleShape[1], ClassNames.Count),
    };

    private protected override bool LabelsAreMasks => true;

    /// <summary>Opens photographs and masks, and decodes all of them.</summary>
    /// <param name="photographs">Folder of the photographs; those in folders inside are taken too.</param>
    /// <param name="masks">Folder of the masks: each photograph's is at the same place under the same name, with any image's ending.</param>
    /// <param name="classNames">Names of the classes, in the order of their numbers; the background is one.</param>
    /// <param name="size">Rows and columns that both are resized to.</param>
    /// <param name="batchSize">Samples a batch.</param>
    /// <param name="preprocessing">From pixels to the network's input.</param>
    /// <param name="options">What labels are, and all else.</param>
    /// <param name="maskOptions">How pixels of masks say classes.</param>
    /// <exception cref="GraftException">A folder is missing or has no images, photographs have no mask or one of other proportions, a mask's pixels are no classes, or files cannot be decoded: all of them are listed.</exception>
    /// <exception cref="OperationCanceledException"><see cref="ImageFolderOptions.CancellationToken"/> was cancelled.</exception>
    public static ImageMasks Open(string photographs, string masks, IReadOnlyList<string> classNames, (int Height, int Width) size, int batchSize, Preprocessing preprocessing,
        ImageFolderOptions? options = null, MaskOptions? maskOptions = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Width, 1);
        PreprocessingChoice.Require(preprocessing, $"{photographs}: the folder"); // for callers without nullable checks
        options ??= new ImageFolderOptions();
        return Open(photographs, masks, classNames, batchSize, preprocessing.For(new ImageInput(size.Height, size.Width, options.Resize, options.ColorMode, options.AppliesOrientation, options.Draft)), options, maskOptions);
    }

    /// <summary>Opens photographs and masks that are read as <see cref="Preprocessing.Input"/> says: that of a trained model.</summary>
    /// <remarks>Size, filter, channels, orientation and draft of the options are not looked at.</remarks>
    /// <inheritdoc cref="Open(string, string, IReadOnlyList{string}, ValueTuple{int, int}, int, Preprocessing, ImageFolderOptions, MaskOptions)"/>
    public static ImageMasks Open(string photographs, string masks, IReadOnlyList<string> classNames, int batchSize, Preprocessing preprocessing,
        ImageFolderOptions? options = null, MaskOptions? maskOptions = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        options ??= new ImageFolderOptions();
        maskOptions ??= new MaskOptions();
        ImageFolder.CheckOptions(photographs, options);
        CheckKind(photographs, options, maskOptions, classNames);
        var images = new ImageReader(preprocessing);
        var reader = new MaskReader(photographs, (images.Shape[0], images.Shape[1]), classNames, maskOptions);
        List<Sample> files = Part(Pair(photographs, masks, maskOptions.Suffix), options);
        if (files.Count == 0)
            throw new GraftException($"{photographs}: no photographs for {options.Subset.ToString().ToLowerInvariant()} (with this split).");
        bool upright = preprocessing.Input!.AppliesOrientation;
        (List<Sample> samples, string[] bad) = Decode(photographs, files, images, options, s => reader.Read(MaskOf(s, masks), ImageDecoder.SizeOf(s.Path, upright)));
        return new ImageMasks(options, preprocessing, batchSize, [.. classNames], reader, maskOptions.Ignored ?? 0, samples, bad);
    }

    /// <summary>The values that the pixels of masks have, in ascending order: what stands for classes where nobody says so (<see cref="MaskOptions.Values"/>).</summary>
    /// <param name="masks">Folder of the masks; those in folders inside are looked at too.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="GraftException">The folder is missing or has no images, or one cannot be decoded.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<byte> ValuesIn(string masks, CancellationToken cancellationToken = default)
    {
        var isThere = new bool[byte.MaxValue + 1];
        foreach (string mask in ImageFolder.ImagesIn(masks))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (byte value in MaskReader.Decode(mask).Pixels)
                isThere[value] = true;
        }
        return [.. isThere.Index().Where(v => v.Item).Select(v => (byte)v.Index)];
    }

    /// <summary>How many pixels of each class there are, at the size that masks are resized to and before any augmentation; ignored ones are of none.</summary>
    public IReadOnlyList<long> CountPixels()
    {
        var counts = new long[byte.MaxValue + 1];
        foreach (Sample sample in Samples)
        {
            foreach (byte c in ClassesOf(sample))
                counts[c]++;
        }
        return counts[..ClassNames.Count];
    }

    /// <summary>The class of each pixel of a sample, row-major [H,W], before any augmentation; or the ignored value.</summary>
    /// <param name="sample">Its number, counted from 0 in the order of <see cref="ImageBatches.Files"/>.</param>
    public IReadOnlyList<byte> MaskOf(int sample) => ClassesOf(Samples[sample]);

    private byte[] ClassesOf(Sample sample) => sample.Mask ?? _masks.Read(sample.MaskPath!);

    private protected override ImageBatches With(ImageFolderOptions options, IReadOnlyList<Sample> samples) => new ImageMasks(options, Preprocessing, BatchSize, ClassNames, _masks, _outside, samples, []);

    private protected override void WriteLabel(Sample sample, ImageTransform? transform, Span<float> label)
    {
        byte[] classes = ClassesOf(sample);
        if (transform is not null)
            classes = transform.ApplyToClasses(classes, SampleShape[0], SampleShape[1], _outside);
        if (LabelKind == LabelKind.Categorical)
        {
            label.Clear();
            for (int p = 0; p < classes.Length; p++)
                label[p * ClassNames.Count + classes[p]] = 1;
            return;
        }
        for (int p = 0; p < classes.Length; p++)
            label[p] = classes[p];
    }

    private static void CheckKind(string path, ImageFolderOptions options, MaskOptions maskOptions, IReadOnlyList<string> classNames)
    {
        if (options.LabelKind == LabelKind.Values)
            throw new GraftException($"{path}: masks give classes, not values; take sparse, categorical or binary labels.");
        if (options.LabelKind == LabelKind.Binary && classNames.Count != 2)
            throw new GraftException($"{path}: {classNames.Count} classes ({string.Join(", ", classNames)}), but binary labels take 2; use sparse or categorical labels.");
        if (options.LabelKind != LabelKind.Sparse && maskOptions.Ignored is not null)
            throw new GraftException($"{path}: {options.LabelKind} labels cannot say that a pixel is ignored; use sparse labels, and a loss with ignoreClass.");
        if (options.ClassNames is { } due && !due.SequenceEqual(classNames))
            throw new GraftException($"{path}: the classes are {string.Join(", ", classNames)}, but the options name {string.Join(", ", due)}.");
        if (options.BadImages == BadImages.Substitute)
            throw new GraftException($"{path}: a photograph is substituted by one of its class, but these have none; skip bad images.");
    }

    /// <summary>Every photograph with the mask of its name, or without where there is none; which is told when it is decoded, with all other faults.</summary>
    private static List<Sample> Pair(string photographs, string masks, string suffix)
    {
        ILookup<string, string> byName = ImageFolder.ImagesIn(masks).ToLookup(m => NameIn(masks, m), StringComparer.Ordinal);
        var samples = new List<Sample>();
        foreach (string photograph in ImageFolder.ImagesIn(photographs))
        {
            string[] found = [.. byName[NameIn(photographs, photograph) + suffix]];
            if (found.Length > 1)
                throw new GraftException($"{photograph}: {found.Length} files are its mask, {string.Join(" and ", found)}; keep one.");
            samples.Add(new Sample(photograph, [], -1) { MaskPath = found.FirstOrDefault() });
        }
        return samples;
    }

    private static string NameIn(string folder, string file) => Path.ChangeExtension(Path.GetRelativePath(folder, file), null);

    private static string MaskOf(Sample sample, string masks) =>
        sample.MaskPath ?? throw new GraftException($"{sample.Path}: no mask; {masks} has no image of that name. Add it, set MaskOptions.Suffix to what masks have behind the name, or skip bad images.");
}
