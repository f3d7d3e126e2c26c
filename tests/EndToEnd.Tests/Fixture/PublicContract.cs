using Google.Api;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace EndToEnd.Tests.Fixture;

/// <summary>Every method of every contract, read from the descriptors: a new one is attacked without being listed.</summary>
public static class PublicContract
{
    public static IReadOnlyList<MethodDescriptor> Methods { get; } =
    [
        .. typeof(Mesh.Policy.V1.AccessReflection).Assembly.GetTypes()
            .Select(type => type.GetProperty("Descriptor")?.GetMethod is { IsStatic: true } getter && getter.ReturnType == typeof(FileDescriptor)
                ? (FileDescriptor)getter.Invoke(null, null)!
                : null)
            .OfType<FileDescriptor>()
            .SelectMany(file => file.Services)
            .SelectMany(service => service.Methods),
    ];

    /// <summary>What people and systems may ask for, through ingress.</summary>
    public static IEnumerable<MethodDescriptor> Public => Methods.Where(method => !IsForAgents(method) && (RouteOf(method) is not null || method.Service.Name == "BundleService"));

    /// <summary>What only services ask each other for, and agents on their sockets.</summary>
    public static IEnumerable<MethodDescriptor> Inner => Methods.Except(Public);

    public static bool IsForAgents(MethodDescriptor method) => method.Service.File.Package == "mesh.agent.v1";

    public static string PathOf(MethodDescriptor method) => $"/{method.Service.FullName}/{method.Name}";

    /// <summary>The services that serve it: the one of its package, those that keep copies of manifests, or those that consume.</summary>
    public static IReadOnlyList<string> OwnersOf(MethodDescriptor method) => method.Service.File.Package.Split('.')[1] switch
    {
        "manifests" => ["policy", "vault", "orchestrator"],
        "agent" => ["toolrunner"],
        "bus" => ["ingress", "orchestrator", "policy", "audit"],
        var owner => [owner],
    };

    /// <summary>How it is reached as JSON; null when it is not.</summary>
    public static (HttpMethod Verb, string Path)? RouteOf(MethodDescriptor method) => method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) switch
    {
        { PatternCase: HttpRule.PatternOneofCase.Get } rule => (HttpMethod.Get, rule.Get),
        { PatternCase: HttpRule.PatternOneofCase.Post } rule => (HttpMethod.Post, rule.Post),
        null => null,
        var rule => throw new InvalidOperationException($"{method.FullName} is reached by {rule.PatternCase}, which nobody attacks yet."),
    };

    /// <summary>Calls a method with these bytes as its one message, whatever its kind, and answers how that ended.</summary>
    public static async Task<RpcException?> CallAsync(CallInvoker invoker, MethodDescriptor method, byte[] message, Metadata? headers = null)
    {
        var call = new Method<byte[], byte[]>(
            MethodType.ServerStreaming, method.Service.FullName, method.Name, Marshallers.Create(bytes => bytes, bytes => bytes), Marshallers.Create(bytes => bytes, bytes => bytes));
        using var streaming = invoker.AsyncServerStreamingCall(call, null, new CallOptions(headers, DateTime.UtcNow.AddSeconds(20)), message);

        try
        {
            while (await streaming.ResponseStream.MoveNext(CancellationToken.None))
            {
                // What it says is nobody's business here.
            }

            return null;
        }
        catch (RpcException refusal)
        {
            return refusal;
        }
    }
}
