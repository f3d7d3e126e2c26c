using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mesh;

/// <summary>How an agent process works.</summary>
public sealed class MeshWorkerOptions
{
    internal const int ConcurrencyMax = 90;
    internal const int WorkerNameCharsMax = 64;

    /// <summary>Tasks that run at once, 1 to 90. The next one stays with Mesh, where another process may take it.</summary>
    public int Concurrency { get; set; } = 16;

    /// <summary>What people and logs call this process; at most 64 characters.</summary>
    public string Name { get; set; } = $"dotnet-{Environment.ProcessId}";

    /// <summary>How long a handler that was told to stop may take to end. After that it is left behind and its claim goes back.</summary>
    public TimeSpan StopGrace { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>The connected socket to speak on. Null: the one that Mesh handed over (the descriptor in <c>MESH_SOCKET_FD</c>).</summary>
    public int? SocketDescriptor { get; set; }

    /// <summary>
    /// How records become JSON: members are snake_case unless <see cref="JsonPropertyNameAttribute"/> says otherwise, enums are
    /// snake_case strings, members that are not nullable must be there. Give it a source-generated resolver to start faster.
    /// </summary>
    public JsonSerializerOptions Json { get; set; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>How often claims are extended; the protocol asks for 5 seconds, and only tests are in a hurry.</summary>
    internal TimeSpan ExtendEvery { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>What is wrong with these options; null when nothing is.</summary>
    internal string? Problem() => this switch
    {
        { Concurrency: < 1 or > ConcurrencyMax } => $"Concurrency is {Concurrency}; it must be 1 to {ConcurrencyMax}.",
        { Name: null or { Length: 0 or > WorkerNameCharsMax } } => $"Name must have 1 to {WorkerNameCharsMax} characters.",
        _ when StopGrace < TimeSpan.Zero || StopGrace > TimeSpan.FromSeconds(20) => $"StopGrace is {StopGrace}; it must be 0 to 20 seconds.",
        { SocketDescriptor: < 0 } => $"SocketDescriptor is {SocketDescriptor}; a descriptor is not negative.",
        { Json: null } => "Json must not be null.",
        _ => null,
    };
}
