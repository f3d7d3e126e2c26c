namespace Mesh.Toolrunner.Egress;

/// <summary>Follows one request: whether a byte of it left, and that it leaves on one connection only.</summary>
/// <remarks>
/// The HTTP client repeats a request by itself when a connection ends without an answer. For a write that would be a
/// second time, so the second connection refuses to carry it.
/// </remarks>
internal sealed class SendMark
{
    private static readonly AsyncLocal<SendMark?> InFlight = new();

    private readonly Lock gate = new();
    private Stream? carrier;

    /// <summary>Before this is true, it is certain that the target saw nothing.</summary>
    public bool IsSent
    {
        get
        {
            lock (gate)
            {
                return carrier is not null;
            }
        }
    }

    /// <summary>The mark of the request that this flow of calls sends.</summary>
    public static SendMark Start() => InFlight.Value = new SendMark();

    /// <summary>Called before bytes of a request are written.</summary>
    public static void Leaving(Stream connection)
    {
        var mark = InFlight.Value ?? throw new IOException("Bytes without a request.");

        lock (mark.gate)
        {
            if (mark.carrier is not null && mark.carrier != connection)
            {
                throw new IOException("A request is sent once.");
            }

            mark.carrier = connection;
        }
    }
}
