using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Mesh.Integrity;

namespace Mesh.Vault.Leases;

/// <summary>The numbers of the advisory locks on which redemptions (shared) and fences (exclusive) of a scope meet.</summary>
/// <remarks>Two scopes may share a number by chance: then one waits for the other, and nothing else happens.</remarks>
internal static class ScopeLock
{
    public static long OfTask(string tenant, Guid task) => Number($"vault/task\n{tenant}\n{task:D}");

    public static long OfDispatch(string tenant, Guid task, ActionDigest action, int dispatch) =>
        Number($"vault/dispatch\n{tenant}\n{task:D}\n{action}\n{dispatch}");

    public static long Of(FenceScope scope) => scope switch
    {
        FenceScope.OfTask task => OfTask(task.Tenant, task.Task),
        FenceScope.OfDispatch one => OfDispatch(one.Tenant, one.Task, one.Action, one.Dispatch),
        _ => throw new ArgumentOutOfRangeException(nameof(scope)),
    };

    private static long Number(string name) => BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
}
