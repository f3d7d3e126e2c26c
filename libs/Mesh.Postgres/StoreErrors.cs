using System.Net.Sockets;
using Npgsql;

namespace Mesh.Postgres;

/// <summary>Tells errors of the store from errors of what was asked.</summary>
public static class StoreErrors
{
    /// <summary>The server or the way to it is gone, for now. Also a server that is starting, shutting down, or ends the session.</summary>
    public static bool IsConnectionLost(Exception error) => error switch
    {
        PostgresException answered => answered.SqlState is
            PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow
            or PostgresErrorCodes.TooManyConnections or "25P03"
            || answered.SqlState.StartsWith("08", StringComparison.Ordinal)
            || (HasEndedSession(answered) && (IsOutOfResources(answered) || answered.SqlState == PostgresErrorCodes.InternalError)),
        NpgsqlException or SocketException or IOException or TimeoutException => true,
        _ => false,
    };

    /// <summary>The server lives and rolled back: its disk or memory is full, or fails. The same again may succeed once that is over.</summary>
    public static bool IsExhausted(Exception error) => error is PostgresException answered && IsOutOfResources(answered);

    /// <summary>The store is to blame and not what was asked, wherever in the error that is said.</summary>
    public static bool IsStoreFailure(Exception error)
    {
        // EF Core wraps what Npgsql throws, sometimes twice.
        for (var inner = error; inner is not null; inner = inner.InnerException)
        {
            if (inner is StoreUnavailableException || (inner is NpgsqlException && (IsConnectionLost(inner) || IsExhausted(inner))))
            {
                return true;
            }
        }

        return IsConnectionLost(error);
    }

    /// <summary>Somebody else held a lock for longer than this statement may wait. Nothing is wrong with what was asked.</summary>
    public static bool IsBlocked(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable };

    /// <summary>Two transactions met and this one gave way; the same again may succeed.</summary>
    public static bool IsLostRace(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure };

    private static bool HasEndedSession(PostgresException error) => error.InvariantSeverity is "FATAL" or "PANIC";

    // Class 53: insufficient resources. Class 58: the system below PostgreSQL failed.
    private static bool IsOutOfResources(PostgresException error) =>
        error.SqlState.StartsWith("53", StringComparison.Ordinal) || error.SqlState.StartsWith("58", StringComparison.Ordinal);
}
