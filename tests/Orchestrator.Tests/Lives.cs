using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Orchestrator.Tests;

/// <summary>The life of a replica, as its host would give it.</summary>
internal static class Lives
{
    public static ApplicationLifetime New() => new(NullLogger<ApplicationLifetime>.Instance);
}
