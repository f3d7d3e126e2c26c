using Npgsql;

namespace Mesh.Policy.Versions;

/// <summary>Fills batches of statements.</summary>
internal static class Batches
{
    public static void Add(this NpgsqlBatch batch, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlBatchCommand(sql);

        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        batch.BatchCommands.Add(command);
    }
}
