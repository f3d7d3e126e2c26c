using Mesh.Errors.V1;

namespace Mesh.Toolrunner.Kinds;

/// <summary>A request with everything in it but the credential.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">Path and query, percent-encoded.</param>
/// <param name="Headers">Beside the credential's.</param>
/// <param name="Body">Canonical JSON, or null.</param>
internal sealed record OutgoingRequest(
    string Method, string Path, IReadOnlyList<KeyValuePair<string, string>> Headers, ReadOnlyMemory<byte>? Body);

/// <summary>A request, or why these arguments make none.</summary>
internal abstract record Preparation
{
    internal sealed record Ready(OutgoingRequest Request) : Preparation;

    internal sealed record Refused(Reason Reason, string Message) : Preparation;
}
