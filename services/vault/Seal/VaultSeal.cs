using System.Diagnostics.CodeAnalysis;
using Mesh.Integrity;
using Npgsql;

namespace Mesh.Vault.Seal;

/// <summary>Whether the root key that this process was given opens this store. Starts sealed.</summary>
internal sealed class VaultSeal(SecretBytes root, NpgsqlDataSource store, ILogger<VaultSeal> log) : IDisposable
{
    private const int PepperBytes = 32;

    private volatile VaultKeys? keys;

    /// <summary>Why the vault is sealed, or null.</summary>
    public string? Trouble { get; private set; } = "the store was not reached yet";

    /// <summary>The keys, unless the vault is sealed. There is no other way to anything that opens.</summary>
    public bool TryGetKeys([NotNullWhen(true)] out VaultKeys? open)
    {
        open = keys;
        return open is not null;
    }

    /// <summary>Tries the root key on the store's pepper. A new store gets its pepper here.</summary>
    /// <returns>False when the key is another store's: trying again cannot help.</returns>
    public async Task<bool> UnsealAsync(CancellationToken stop)
    {
        var sealing = await ReadAsync(stop) ?? await MakeAsync(stop);

        try
        {
            var pepper = SealedBlob.Open(root.Span, RootKeyFile.IdOf(root), sealing.Pepper, SealedPlace.Pepper.In(sealing.Instance));
            keys = new VaultKeys(sealing.Instance, root, pepper);
            Trouble = null;
            log.Unsealed(sealing.Instance);
            return true;
        }
        catch (SealBrokenException)
        {
            Trouble = "sealed: the root key is not the one that this store was sealed under";
            log.WrongRootKey(sealing.Instance, sealing.RootKeyId, RootKeyFile.IdOf(root));
            return false;
        }
    }

    public void Dispose()
    {
        keys?.Dispose();
        root.Dispose();
    }

    private async Task<Sealing?> ReadAsync(CancellationToken stop)
    {
        await using var command = store.CreateCommand("select instance_id, root_key_id, pepper from seal");
        await using var row = await command.ExecuteReaderAsync(stop);
        return await row.ReadAsync(stop) ? new Sealing(row.GetGuid(0), row.GetGuid(1), row.GetFieldValue<byte[]>(2)) : null;
    }

    // Replicas that start together on a new store: one row is written, and both read that one.
    private async Task<Sealing> MakeAsync(CancellationToken stop)
    {
        var instance = Guid.CreateVersion7();
        var rootId = RootKeyFile.IdOf(root);
        using var pepper = SecretBytes.Random(PepperBytes);
        await using var command = store.CreateCommand(
            "insert into seal (instance_id, root_key_id, pepper) values ($1, $2, $3) on conflict do nothing");
        command.Parameters.Add(new() { Value = instance });
        command.Parameters.Add(new() { Value = rootId });
        command.Parameters.Add(new() { Value = SealedBlob.Seal(root.Span, rootId, pepper.Span, SealedPlace.Pepper.In(instance)) });
        await command.ExecuteNonQueryAsync(stop);
        return await ReadAsync(stop) ?? throw new InvalidOperationException("The seal's row is gone as soon as it was written.");
    }

    private sealed record Sealing(Guid Instance, Guid RootKeyId, byte[] Pepper);
}
