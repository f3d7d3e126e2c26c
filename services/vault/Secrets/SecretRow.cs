using Mesh.Vault.Seal;
using Npgsql;

namespace Mesh.Vault.Secrets;

/// <summary>How a version of a secret is selected and read: always with the key that it needs, so that opening asks nothing more.</summary>
internal static class SecretRow
{
    public const string Columns = "v.version, v.key_id, k.wrapped, v.data_key, v.value";

    public const string Current =
        $"""
        select {Columns}
        from secret s
        join secret_version v using (tenant_id, integration, name, version)
        join tenant_key k using (tenant_id, key_id)
        where s.tenant_id = $1 and s.integration = $2 and s.name = $3
        """;

    public static SealedSecret Read(NpgsqlDataReader row) => new(
        row.GetInt64(0),
        new WrappedKey(row.GetGuid(1), row.GetFieldValue<byte[]>(2)),
        row.GetFieldValue<byte[]>(3),
        row.GetFieldValue<byte[]>(4));
}
