using System.Net.Sockets;
using Npgsql;

namespace Mesh.Postgres;

/// <summary>Tells errors of the connection from errors of what was asked.</summary>
public static class StoreErrors
{
    /// <summary>The server or the way to it is gone, for now. Also a server that is starting or shutting down.</summary>
    public static bool IsConnectionLost(Exception error) => error switch
    {
        PostgresException answered => answered.SqlState is
            PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow
            or PostgresErrorCodes.TooManyConnections or "25P03" || answered.SqlState.StartsWith("08", StringComparison.Ordinal),
        NpgsqlException or SocketException or IOException or TimeoutException => true,
        _ => false,
    };

    /// <summary>Somebody else held a lock for longer than this statement may wait. Nothing is wrong with what was asked.</summary>
    public static bool IsBlocked(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable };

    /// <summary>Two transactions met and this one gave way; the same again may succeed.</summary>
    public static bool IsLostRace(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure };
}
