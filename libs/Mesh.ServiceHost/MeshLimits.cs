namespace Mesh.ServiceHost;

/// <summary>Limits that all services share.</summary>
public static class MeshLimits
{
    /// <summary>The largest gRPC message. Payloads end at 4 MiB; the rest is room for what travels with one.</summary>
    public const int MessageBytesMax = 5 * 1024 * 1024;

    /// <summary>How far clocks of two services may be apart before one says that it is not ready.</summary>
    public static readonly TimeSpan ClockSkewMax = TimeSpan.FromSeconds(2);
}
