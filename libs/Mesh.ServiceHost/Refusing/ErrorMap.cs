using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using Mesh.Errors.V1;
using Npgsql;

namespace Mesh.ServiceHost;

/// <summary>Which error a caller is told for an exception. What nobody foresaw becomes INTERNAL, with details in the log only.</summary>
public sealed class ErrorMap
{
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
                Refusals.StoreUnavailable(),

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

    // The store is gone, going, full or not up yet. Not a fault of the statement, which would fail again.
    private static bool IsStoreAway(NpgsqlException failure) => failure switch
    {
        // 08: connection; 53: no disk, memory or connection left; 57P: shutdown, crash, starting up, dropped, idle time-out;
        // 58: the system below failed; XX000: so does the server when it cannot even begin a session.
        PostgresException refused => refused.SqlState[..2] is "08" or "53" or "58"
            || refused.SqlState.StartsWith("57P", StringComparison.Ordinal)
            || refused is { SqlState: PostgresErrorCodes.InternalError, InvariantSeverity: "FATAL" or "PANIC" },
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
