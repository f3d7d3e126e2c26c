namespace Mesh.Postgres;

/// <summary>The numbers of the advisory locks that several processes meet at. Never reused for something else.</summary>
internal static class AdvisoryLocks
{
    public const long Roles = 0x6d657368_0001;

    public const long Migrations = 0x6d657368_0002;
}
