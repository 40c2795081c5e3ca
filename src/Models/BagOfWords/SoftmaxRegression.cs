namespace Graft.Models;

/// <summary>Multinomial logistic regression on sparse rows: the minimum of mean(-w log softmax(W x + b)[y]) + penalty / 2 |W|^2, which is one alone.</summary>
/// <remarks>Found by L-BFGS (Nocedal and Wright 2006, Numerical Optimization, algorithms 7.4 and 7.5) with steps halved until Armijo's rule holds.</remarks>
internal sealed class SoftmaxRegression
{
    private const int MostSteps = 300, Memory = 10;
    private const double SmallestGradient = 1e-6; // of the mean loss: far below what moves a decision

    private readonly int _classes, _width; // weights [classes, width], the last column the bias
    private readonly double[] _weights;

    private SoftmaxRegression(int classes, int width) => (_classes, _width, _weights) = (classes, width, new double[classes * width]);

    /// <summary>[classes, columns and the bias].</summary>
    public IReadOnlyList<double> Weights => _weights;

    /// <summary>Learns.</summary>
    /// <param name="rows">The texts.</param>
    /// <param name="labels">Their classes.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="columns">Number of words.</param>
    /// <param name="penalty">On squared weights; none on biases.</param>
    /// <param name="classWeights">What a text of each class counts.</param>
    public static SoftmaxRegression Fit(IReadOnlyList<SparseRow> rows, IReadOnlyList<int> labels, int classes, int columns, double penalty, IReadOnlyList<double> classWeights)
    {
        var model = new SoftmaxRegression(classes, columns + 1);
        var gradient = new double[model._weights.Length];
        double loss = model.Loss(rows, labels, penalty, classWeights, gradient);
        var steps = new LinkedList<(double[] Step, double[] Change)>();
        for (int i = 0; i < MostSteps && Dot(gradient, gradient) > SmallestGradient * SmallestGradient; i++)
        {
            double[] direction = Direction(gradient, steps), before = [.. model._weights], slope = [.. gradient];
            double expected = Dot(direction, gradient), size = 1, reached;
            do
            {
                for (int w = 0; w < before.Length; w++)
                    model._weights[w] = before[w] + size * direction[w];
                reached = model.Loss(rows, labels, penalty, classWeights, gradient);
                size /= 2;
            }
            while (reached > loss + 1e-4 * 2 * size * expected && size > 1e-10); // c1 of the book
            double[] step = [.. model._weights.Zip(before, (a, b) => a - b)], change = [.. gradient.Zip(slope, (a, b) => a - b)];
            if (Dot(step, change) > 1e-12 * Dot(change, change))
                steps.AddFirst((step, change));
            if (steps.Count > Memory)
                steps.RemoveLast();
            if (loss - reached < 1e-12 * Math.Abs(loss))
                break;
            loss = reached;
        }
        return model;
    }

    /// <summary>The most probable class.</summary>
    public int Predict(SparseRow row)
    {
        var logits = new double[_classes];
        Logits(row, logits);
        return Array.IndexOf(logits, logits.Max());
    }

    // Loss at the weights; gradient is written.
    private double Loss(IReadOnlyList<SparseRow> rows, IReadOnlyList<int> labels, double penalty, IReadOnlyList<double> classWeights, double[] gradient)
    {
        double loss = 0;
        for (int w = 0; w < gradient.Length; w++)
        {
            double decay = w % _width == _width - 1 ? 0 : penalty * _weights[w];
            gradient[w] = decay;
            loss += decay * _weights[w] / 2;
        }
        var logits = new double[_classes];
        for (int i = 0; i < rows.Count; i++)
        {
            Logits(rows[i], logits);
            double largest = logits.Max(), sum = logits.Sum(x => Math.Exp(x - largest)), share = classWeights[labels[i]] / rows.Count;
            loss += share * (Math.Log(sum) + largest - logits[labels[i]]);
            for (int c = 0; c < _classes; c++)
                AddTo(gradient, c, rows[i], share * (Math.Exp(logits[c] - largest) / sum - (c == labels[i] ? 1 : 0)));
        }
        return loss;
    }

    private void Logits(SparseRow row, double[] logits)
    {
        for (int c = 0; c < _classes; c++)
        {
            int first = c * _width;
            double sum = _weights[first + _width - 1];
            for (int i = 0; i < row.Columns.Length; i++)
                sum += _weights[first + row.Columns[i]] * row.Values[i];
            logits[c] = sum;
        }
    }

    private void AddTo(double[] gradient, int c, SparseRow row, double factor)
    {
        int first = c * _width;
        gradient[first + _width - 1] += factor;
        for (int i = 0; i < row.Columns.Length; i++)
            gradient[first + row.Columns[i]] += factor * row.Values[i];
    }

    // -H gradient, H the inverse curvature that the last steps tell of.
    private static double[] Direction(double[] gradient, LinkedList<(double[] Step, double[] Change)> steps)
    {
        double[] q = Array.ConvertAll(gradient, g => -g);
        var shares = new Stack<double>();
        foreach ((double[] step, double[] change) in steps)
        {
            double share = Dot(step, q) / Dot(step, change);
            shares.Push(share);
            Add(q, -share, change);
        }
        if (steps.First is { } newest)
        {
            double scale = Dot(newest.Value.Step, newest.Value.Change) / Dot(newest.Value.Change, newest.Value.Change);
            q = Array.ConvertAll(q, x => x * scale);
        }
        for (LinkedListNode<(double[] Step, double[] Change)>? node = steps.Last; node is not null; node = node.Previous)
        {
            (double[] step, double[] change) = node.Value;
            Add(q, shares.Pop() - Dot(change, q) / Dot(step, change), step);
        }
        return q;
    }

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    private static void Add(double[] to, double factor, double[] from)
    {
        for (int i = 0; i < to.Length; i++)
            to[i] += factor * from[i];
    }
}
