using System.Diagnostics;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Policy.Announcing;

/// <summary>Writes facts of policy into the outbox, in the transaction that makes them true.</summary>
internal static class Announcement
{
    private static readonly string BatchType = Facts.V1.GovernanceFactBatch.Descriptor.FullName;

    /// <summary>A fact of its tenant, now.</summary>
    public static Facts.V1.GovernanceFact Of(string tenant, string actor, TimeProvider clock) => new()
    {
        Tenant = tenant,
        Actor = actor,
        Time = clock.GetUtcNow().ToTimestamp(),
    };

    /// <param name="transaction">Makes the fact true.</param>
    /// <param name="key">The thing that changed; facts of one thing arrive in order.</param>
    /// <param name="sequence">The place of the fact among those of its key; it only grows.</param>
    /// <param name="fact">What happened.</param>
    /// <param name="stop">Ends the work.</param>
    public static async Task WriteAsync(NpgsqlTransaction transaction, string key, long sequence, Facts.V1.GovernanceFact fact, CancellationToken stop)
    {
        var batch = new Facts.V1.GovernanceFactBatch { Facts = { fact.ToByteString() } };
        var message = new Envelope(Guid.CreateVersion7(), fact.Tenant, key, sequence, BatchType, Activity.Current?.Id, batch.ToByteArray());
        await using var insert = new NpgsqlBatch(transaction.Connection, transaction);
        insert.BatchCommands.Add(Outbox.Insert([message]));
        await insert.ExecuteNonQueryAsync(stop);
    }
}
