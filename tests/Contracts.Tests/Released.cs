using System.Runtime.CompilerServices;
using Google.Protobuf.Reflection;

namespace Mesh.Contracts.Tests;

/// <summary>The released contract, and the one that this build speaks.</summary>
internal static class Released
{
    private static readonly FileDescriptor[] Files =
    [
        Agent.V1.AgentReflection.Descriptor,
        Audit.V1.AppendReflection.Descriptor,
        Audit.V1.LogReflection.Descriptor,
        Bus.V1.DeadLetterReflection.Descriptor,
        Errors.V1.ErrorsReflection.Descriptor,
        Facts.V1.FactsReflection.Descriptor,
        Ingress.V1.IngressReflection.Descriptor,
        Manifests.V1.ManifestsReflection.Descriptor,
        Orchestrator.V1.CatalogReflection.Descriptor,
        Orchestrator.V1.TaskReflection.Descriptor,
        Orchestrator.V1.WorkReflection.Descriptor,
        Policy.V1.AccessReflection.Descriptor,
        Policy.V1.ApprovalReflection.Descriptor,
        Policy.V1.DecisionReflection.Descriptor,
        Toolrunner.V1.RunnerReflection.Descriptor,
        Vault.V1.LeaseReflection.Descriptor,
        Vault.V1.SecretReflection.Descriptor,
    ];

    public static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    public static IReadOnlyDictionary<string, FileDescriptorProto> Current { get; } =
        Files.ToDictionary(file => file.Name, file => file.ToProto());

    /// <summary>What <c>proto/released.binpb</c> holds of Mesh itself.</summary>
    public static IReadOnlyList<FileDescriptorProto> Read() =>
        [.. FileDescriptorSet.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(Root(), "proto", "released.binpb")))
            .File.Where(file => file.Package.StartsWith("mesh.", StringComparison.Ordinal))];

    public static IEnumerable<ServiceDescriptor> Services => Files.SelectMany(file => file.Services);
}
