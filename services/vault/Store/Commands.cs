using Npgsql;

namespace Mesh.Vault.Store;

/// <summary>Commands with positional parameters, <c>$1</c> and on.</summary>
internal static class Commands
{
    public static NpgsqlBatchCommand Batched(string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        Add(command.Parameters, values);
        return command;
    }

    public static NpgsqlCommand With(this NpgsqlCommand command, params ReadOnlySpan<object> values)
    {
        Add(command.Parameters, values);
        return command;
    }

    /// <summary>Ends a transaction that was begun in a batch. Not for the caller to cancel: the connection goes back to the pool.</summary>
    public static async Task RollBackAsync(this NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("rollback", connection);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    private static void Add(NpgsqlParameterCollection parameters, ReadOnlySpan<object> values)
    {
        foreach (var value in values)
        {
            parameters.Add(new NpgsqlParameter { Value = value });
        }
    }
}
