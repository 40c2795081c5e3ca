using Graft.Weights;
using PureHDF;

namespace Graft.Importers.Keras;

/// <summary>Single arrays of any HDF5 file: inputs and expected outputs that lie beside a model.</summary>
public static class Hdf5Arrays
{
    /// <summary>Reads an array as float32; whole numbers are converted.</summary>
    /// <param name="path">The file.</param>
    /// <param name="array">Path of the array inside: "inputs/x".</param>
    /// <exception cref="GraftException">The file is damaged, or has no such array: the message lists those it has.</exception>
    public static (Shape Shape, float[] Values) Read(string path, string array) => FileErrors.Named(path, "cannot be read as HDF5", () =>
    {
        Hdf5Source source = Hdf5Source.Open(path);
        return source.Read(root =>
        {
            string name = array.Trim('/');
            if (name.Length == 0 || !root.LinkExists(name) || root.Get(name) is not IH5Dataset dataset)
                throw new GraftException($"{path}: has no array '{name}'; it has {string.Join(", ", Names(root).Take(20).Select(n => $"'{n}'"))}.");
            return (new Shape([.. (dataset.Space.Dimensions ?? []).Select(d => checked((int)d))]), Hdf5Source.ReadNumbers(dataset, path));
        });
    });

    /// <summary>Paths of all arrays of a file.</summary>
    /// <exception cref="GraftException">The file is damaged.</exception>
    public static IReadOnlyList<string> NamesOf(string path) =>
        FileErrors.Named(path, "cannot be read as HDF5", () => Hdf5Source.Open(path).Read(root => Names(root).ToArray()));

    private static IEnumerable<string> Names(IH5Group group, string outer = "") => group.Children().SelectMany(child =>
        child is IH5Group inner ? Names(inner, $"{outer}{child.Name}/") : child is IH5Dataset ? [$"{outer}{child.Name}"] : Enumerable.Empty<string>());
}
