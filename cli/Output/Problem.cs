using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Rpc;
using Grpc.Core;

namespace Mesh.Cli.Output;

/// <summary>What went wrong, as a person or a script is told it: one line, or one JSON object, on standard error.</summary>
internal sealed record Problem(string Code, string Reason, string Domain, string Message, int ExitCode)
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<(string Field, string Description)> Violations { get; init; } = [];

    public string? RequestId { get; init; }

    /// <summary>The trace that the calls of this command were part of; the services' logs have it too.</summary>
    public string? TraceId { get; init; }

    public static Problem Usage(string message) =>
        new("INVALID_ARGUMENT", "USAGE", "mesh.cli", message, ExitCodes.Usage);

    /// <summary>Found on this machine, before or without asking the mesh.</summary>
    public static Problem Here(string reason, string message, int exitCode) =>
        new("FAILED_PRECONDITION", reason, "mesh.cli", message, exitCode);

    public static Problem Of(RpcException refused)
    {
        var status = refused.GetRpcStatus();
        var info = status?.GetDetail<ErrorInfo>();
        var exitCode = ExitCodes.Of(refused.StatusCode, isFromMesh: info is not null);
        var message = exitCode == ExitCodes.NotReachable
            ? $"The mesh does not answer: {refused.Status.Detail}. Is it running? ./mesh dev starts one."
            : refused.Status.Detail;

        return new Problem(NameOf(refused.StatusCode), info?.Reason ?? "", info?.Domain ?? "", message, exitCode)
        {
            Metadata = info?.Metadata.ToDictionary() ?? [],
            Violations = [.. status?.GetDetail<BadRequest>()?.FieldViolations.Select(one => (one.Field, one.Description)) ?? []],
            RequestId = status?.GetDetail<RequestInfo>()?.RequestId,
        };
    }

    public void Write(TextWriter to, bool asJson)
    {
        if (asJson)
        {
            to.WriteLine(Json().ToJsonString(Plain));
            return;
        }

        to.WriteLine(Reason.Length > 0 && Domain != "mesh.cli" ? $"mesh: {Reason}: {Message}" : $"mesh: {Message}");
        foreach (var (field, description) in Violations)
        {
            to.WriteLine($"  {field}: {description}");
        }

        if (RequestId is not null)
        {
            to.WriteLine($"  request {RequestId}");
        }
    }

    private JsonObject Json() => new()
    {
        ["code"] = Code,
        ["reason"] = Reason,
        ["domain"] = Domain,
        ["message"] = Message,
        ["metadata"] = new JsonObject(Metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
        ["violations"] = new JsonArray([.. Violations.Select(one =>
            new JsonObject { ["field"] = one.Field, ["description"] = one.Description })]),
        ["requestId"] = RequestId ?? "",
        ["traceId"] = TraceId ?? "",
    };

    // NotFound is NOT_FOUND on the wire and in every other client.
    private static string NameOf(StatusCode code) => code == StatusCode.OK
        ? "OK"
        : string.Concat(code.ToString().Select((sign, index) =>
            char.IsUpper(sign) && index > 0 ? $"_{sign}" : char.ToUpperInvariant(sign).ToString()));
}
