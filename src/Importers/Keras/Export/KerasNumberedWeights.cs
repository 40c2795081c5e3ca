using System.Globalization;
using Graft.Importers.Hdf5;
using Graft.Importers.Keras.Stored;
using Graft.Layers;

namespace Graft.Importers.Keras.Export;

/// <summary>Weights as Keras 3 stores them in .keras and .weights.h5: layers/CLASS_n/vars/i.</summary>
/// <remarks>keras.src.saving.saving_lib: n counts the class within its container, in the order of the layers; private attributes of a layer are groups by their names.</remarks>
internal sealed class KerasNumberedWeights(KerasDialect dialect)
{
    /// <summary>Writes a model and what is in it.</summary>
    public void Write(Hdf5Group group, Model model)
    {
        Variables(group, dialect.NameOf(model), []);
        Numbered(group.Group("layers"), KerasOrder.Of(model));
    }

    private void Numbered(Hdf5Group group, IEnumerable<Layer> layers)
    {
        var counts = new Dictionary<string, int>();
        foreach (Layer layer in layers)
        {
            string stem = KerasStoredWeights.SnakeCase(KerasStoredWeights.PythonClass(dialect.ClassOf(layer)));
            int n = counts.GetValueOrDefault(stem);
            counts[stem] = n + 1;
            WriteLayer(group.Group(n == 0 ? stem : string.Create(CultureInfo.InvariantCulture, $"{stem}_{n}")), layer);
        }
    }

    private void WriteLayer(Hdf5Group group, Layer layer)
    {
        if (layer is Model model)
        {
            Write(group, model);
            return;
        }
        bool isCell = layer is RecurrentUnits and not (LSTMCell or GRUCell or SimpleRNNCell) or ConvLSTM;
        Variables(group, dialect.NameOf(layer), layer.Inner.Count > 0 || isCell ? [] : layer.Parameters);
        if (isCell)
            Variables(group.Group("cell"), dialect.NameOf(layer), layer.Parameters); // Keras's layer wraps a cell
        else if (layer is RNN { Inner.Count: > 1 } stack)
            Stacked(group.Group("cell"), stack);
        else
            WriteInner(group, layer);
    }

    private void Stacked(Hdf5Group cell, RNN stack)
    {
        Variables(cell, "stacked_rnn_cells", []);
        Numbered(cell.Group("cells"), stack.Inner);
    }

    private void WriteInner(Hdf5Group group, Layer layer)
    {
        string[] names = layer switch
        {
            Bidirectional => ["forward_layer", "backward_layer"],
            TimeDistributed => ["layer"],
            RNN => ["cell"],
            HeadAttention => ["_query_dense", "_key_dense", "_value_dense", "_output_dense"],
            _ => [],
        };
        foreach ((string name, Layer inner) in names.Zip(layer.Inner))
            WriteLayer(group.Group(name), inner);
    }

    private static void Variables(Hdf5Group group, string name, IReadOnlyList<Parameter> parameters)
    {
        Hdf5Group variables = group.Group("vars");
        variables.Add(Hdf5Attribute.Utf8("name", name));
        for (int i = 0; i < parameters.Count; i++)
            variables.Add(i.ToString(CultureInfo.InvariantCulture), new KerasWeight(parameters[i].Name, parameters[i]).Array(isLong: false));
    }
}
