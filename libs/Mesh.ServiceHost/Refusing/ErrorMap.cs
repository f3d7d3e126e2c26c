using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using Mesh.Errors.V1;
using Npgsql;

namespace Mesh.ServiceHost;

/// <summary>Which error a caller is told for an exception. What nobody foresaw becomes INTERNAL, with details in the log only.</summary>
public sealed class ErrorMap
{
    private static readonly TimeSpan StoreRetry = TimeSpan.FromSeconds(1);
    private readonly List<Func<Exception, MeshError?>> rules = [];

    /// <summary>Adds a rule for a library's exception, such as a full queue of a store. Rules are asked in their order.</summary>
    public ErrorMap On<T>(Func<T, MeshError?> rule)
        where T : Exception
    {
        rules.Add(thrown => thrown is T known ? rule(known) : null);
        return this;
    }

    internal MeshError? Find(Exception thrown, IMessage? request)
    {
        if (thrown is RefusalException refusal)
        {
            return refusal.Error;
        }

        foreach (var rule in rules)
        {
            if (rule(thrown) is { } error)
            {
                return error;
            }
        }

        return thrown switch
        {
            RpcException silence when RpcFailure.Read(silence) is { IsSilence: true } =>
                new MeshError(StatusCode.Unavailable, Reason.ServiceUnavailable, "Another service did not answer; try again."),

            // A peer's refusal is handed on, except where it is about this service and none of the caller's business.
            RpcException relayed when RpcFailure.Read(relayed) is { Reason: not (Reason.Unspecified or Reason.CallerNotAllowed or Reason.Internal) } failure =>
                failure.ToError(),

            _ when StoreFailureIn(thrown) is { } store && IsStoreAway(store) =>
                new MeshError(StatusCode.Unavailable, Reason.StoreUnavailable, "The store cannot be reached; repeat the call with the same keys.") { RetryAfter = StoreRetry },

            InvalidProtocolBufferException => new MeshError(StatusCode.InvalidArgument, Reason.InvalidArgument, "The bytes are not a message of this method."),

            // PostgreSQL keeps every character but this one, so any field of any request may bring it that far.
            _ when StoreFailureIn(thrown) is PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire } =>
                new MeshError(StatusCode.InvalidArgument, Reason.InvalidArgument, "A text holds U+0000, which cannot be stored.")
                {
                    Fields = request is null ? [] : UnstorableText.FieldsOf(request),
                },

            _ => null,
        };
    }

    /// <summary>The store is gone, going or not up yet. Not a fault of the statement, which would fail again.</summary>
    public static bool IsStoreAway(NpgsqlException failure) => failure switch
    {
        // 08: connection; 53300: too many; 57P01 to 57P05: shutdown, crash, starting up, dropped, idle time-out.
        PostgresException refused => refused.SqlState.StartsWith("08", StringComparison.Ordinal) || refused.SqlState is "53300" or "57P01" or "57P02" or "57P03" or "57P04" or "57P05",
        _ => failure.InnerException is SocketException or IOException or TimeoutException or null,
    };

    // EF Core wraps what Npgsql throws, sometimes twice.
    private static NpgsqlException? StoreFailureIn(Exception thrown)
    {
        for (var failure = thrown; failure is not null; failure = failure.InnerException)
        {
            if (failure is NpgsqlException store)
            {
                return store;
            }
        }

        return null;
    }
}
