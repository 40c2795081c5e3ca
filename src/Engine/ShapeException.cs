namespace Graft;

/// <summary>Shapes that do not fit together. The message names the layer or op, both shapes and the rule.</summary>
public sealed class ShapeException : GraftException
{
    /// <summary>Makes an exception without a message.</summary>
    public ShapeException()
    {
    }

    /// <summary>Makes an exception with a message.</summary>
    public ShapeException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a message and the exception behind it.</summary>
    public ShapeException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
