namespace Mesh.Bus;

/// <summary>The message cannot be read and never will be: it is parked at once.</summary>
public sealed class UndecodableMessageException : Exception
{
    /// <summary>Says what is wrong with the message, without its content.</summary>
    public UndecodableMessageException(string message)
        : base(message)
    {
    }

    /// <summary>Says what is wrong with the message, without its content.</summary>
    public UndecodableMessageException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
