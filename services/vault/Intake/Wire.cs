using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Integrity;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Signatures;
using Mesh.ServiceHost;
using Mesh.Vault.Leases;
using Mesh.Vault.Secrets;

namespace Mesh.Vault.Intake;

/// <summary>The messages of leases and of secrets, both ways.</summary>
internal static class Wire
{
    private const int RunnerTextMax = 255;

    public static LeaseTerms Read(V1.IssueLeaseRequest request)
    {
        var fields = new FieldCheck();
        var tenant = fields.Name("tenant", request.Tenant);
        var workflow = fields.Name("workflow", request.Workflow);
        var task = fields.Id("task_id", request.TaskId);
        var action = fields.Digest("action_digest", request.ActionDigest);
        var dispatch = fields.AtLeast("dispatch", request.Dispatch, 1);
        var epoch = fields.AtLeast("epoch", request.Epoch, 0);
        fields.Refuse();
        return new LeaseTerms(tenant, workflow, task, action, (int)dispatch, epoch);
    }

    public static V1.IssueLeaseResponse Write(IssuedLease lease) => new()
    {
        Lease = lease.Token.Reveal(),
        LeaseId = lease.Id.ToString("D"),
        IssuedAt = lease.IssuedAt.ToTimestamp(),
        ExpiresAt = lease.ExpiresAt.ToTimestamp(),
    };

    /// <summary>Null when the lease is not of a form that was ever issued.</summary>
    public static RedeemRequest? Read(V1.RedeemLeaseRequest request, SpiffeId caller)
    {
        var fields = new FieldCheck();
        var action = fields.Digest("action_digest", request.ActionDigest);
        var dispatch = fields.AtLeast("dispatch", request.Dispatch, 1);
        var purpose = fields.Purpose("purpose", request.Purpose);
        var instance = fields.Text("runner_instance", request.RunnerInstance, RunnerTextMax);
        var address = fields.Text("runner_address", request.RunnerAddress, RunnerTextMax);
        fields.Refuse();

        return OpaqueToken.TryParse(request.Lease, TokenKind.Lease, out var lease)
            ? new RedeemRequest(caller, lease, request.Decision.Memory, request.Receipt.Memory, action, (int)dispatch, purpose, new RunnerProcess(instance, address))
            : null;
    }

    /// <summary>The answer, and the array that holds the credential, which the caller erases once it was sent.</summary>
    public static (V1.RedeemLeaseResponse Response, byte[] Credential) Write(RedeemOutcome.Redeemed redeemed)
    {
        using var secret = redeemed.Credential;
        var credential = GC.AllocateUninitializedArray<byte>(secret?.Length ?? 0, pinned: true);
        secret?.Span.CopyTo(credential);

        var target = redeemed.Grant.Target;
        var response = new V1.RedeemLeaseResponse
        {
            LeaseId = redeemed.LeaseId.ToString("D"),
            RedeemedAt = redeemed.At.ToTimestamp(),
            Credential = UnsafeByteOperations.UnsafeWrap(credential),
            Injection = secret is null ? null : Write(target.Credential!.Injection),
            BaseUrl = target.BaseUrl,
            Egress = { target.Egress.Select(host => host.Host.Contains(':', StringComparison.Ordinal) ? $"[{host.Host}]:{host.Port}" : $"{host.Host}:{host.Port}") },
            SecretVersion = redeemed.SecretVersion,
        };
        return (response, credential);
    }

    public static (FenceScope Scope, DateTimeOffset Since) Read(V1.FenceRequest request)
    {
        var fields = new FieldCheck();
        var tenant = fields.Name("tenant", request.Tenant);
        var isDispatch = request.ScopeCase == V1.FenceRequest.ScopeOneofCase.Dispatch;
        var task = fields.Id(isDispatch ? "dispatch.task_id" : "task_id", isDispatch ? request.Dispatch.TaskId : request.TaskId);
        FenceScope scope;

        if (isDispatch)
        {
            var action = fields.Digest("dispatch.action_digest", request.Dispatch.ActionDigest);
            scope = new FenceScope.OfDispatch(tenant, task, action, (int)fields.AtLeast("dispatch.dispatch", request.Dispatch.Dispatch, 1));
        }
        else
        {
            scope = new FenceScope.OfTask(tenant, task, fields.AtLeast("epoch", request.Epoch, 0));
        }

        fields.Refuse();

        // Nothing of a task was redeemed before the task was made, and its id says when that was.
        var since = request.DispatchedAt?.ToDateTimeOffset() ?? TimeOf(task);
        return (scope, since - DecisionTicket.Skew);
    }

    public static V1.FenceResponse Write(Fenced fenced) => new()
    {
        Lost = fenced.Lost,
        Redemptions =
        {
            fenced.Redemptions.Select(past => new V1.Redemption
            {
                ActionDigest = UnsafeByteOperations.UnsafeWrap(past.Action.Hash.ToArray()),
                Dispatch = past.Dispatch,
                RunnerInstance = past.RunnerInstance,
                RunnerAddress = past.RunnerAddress,
                RedeemedAt = past.RedeemedAt.ToTimestamp(),
                LeaseId = past.LeaseId.ToString("D"),
                IssuedAt = past.IssuedAt.ToTimestamp(),
                AuditOrigin = past.ReceiptOrigin,
                AuditIndex = past.ReceiptIndex,
            }),
        },
    };

    /// <summary>Takes the value out of a request: after this the request no longer has it.</summary>
    public static SecretBytes TakeValue(V1.PutSecretRequest request)
    {
        // The parser made this array for this request alone.
        var received = MemoryMarshal.AsMemory(request.Value.Memory).Span;
        var value = SecretBytes.CopyOf(received);
        CryptographicOperations.ZeroMemory(received);
        request.Value = ByteString.Empty;
        return value;
    }

    public static V1.Secret Write(SecretVersion secret) => new()
    {
        Name = secret.Name.ToString(),
        Version = secret.Version,
        CreatedAt = secret.CreatedAt.ToTimestamp(),
        UpdatedAt = secret.UpdatedAt.ToTimestamp(),
        UpdatedBy = secret.UpdatedBy,
    };

    public static V1.SignatureScheme Write(SignatureScheme scheme) => new()
    {
        Header = scheme.Header,
        Prefix = scheme.Prefix,
        Encoding = scheme.Encoding switch
        {
            SignatureEncoding.Hex => V1.SignatureEncoding.Hex,
            SignatureEncoding.Base64 => V1.SignatureEncoding.Base64,
            _ => throw new UnreachableException($"The encoding {scheme.Encoding} has no name on the wire."),
        },
        List = scheme.IsList,
        SignedText = scheme.SignedText.Template,
        IdHeader = scheme.IdHeader ?? "",
        TimestampHeader = scheme.Timestamp?.Header ?? "",
        TimestampUnit = scheme.Timestamp?.Unit switch
        {
            null => V1.TimestampUnit.Unspecified,
            TimestampUnit.Seconds => V1.TimestampUnit.Seconds,
            TimestampUnit.Milliseconds => V1.TimestampUnit.Milliseconds,
            _ => throw new UnreachableException($"The unit {scheme.Timestamp.Unit} has no name on the wire."),
        },
        Tolerance = scheme.Timestamp?.Tolerance.ToDuration(),
        KeyEncoding = scheme.KeyEncoding switch
        {
            KeyEncoding.Text => V1.KeyEncoding.Text,
            KeyEncoding.Hex => V1.KeyEncoding.Hex,
            KeyEncoding.Base64 => V1.KeyEncoding.Base64,
            KeyEncoding.Whsec => V1.KeyEncoding.Whsec,
            _ => throw new UnreachableException($"The key encoding {scheme.KeyEncoding} has no name on the wire."),
        },
        Dedupe = scheme.Dedupe switch
        {
            Deduplication.BySignedBytes => V1.Deduplication.SignedBytes,
            Deduplication.ByHeader => V1.Deduplication.Header,
            Deduplication.Never => V1.Deduplication.Never,
            _ => throw new UnreachableException($"The deduplication {scheme.Dedupe} has no name on the wire."),
        },
        DedupeHeader = (scheme.Dedupe as Deduplication.ByHeader)?.Header ?? "",
    };

    private static V1.Injection Write(CredentialInjection injection) => injection switch
    {
        CredentialInjection.Header header => new V1.Injection { Header = new V1.HeaderSlot { Name = header.Name, Format = header.Format.Written } },
        CredentialInjection.Query query => new V1.Injection { Query = query.Name },
        CredentialInjection.Basic basic => new V1.Injection { Basic = true, BasicUsername = basic.Username ?? "" },
        _ => throw new ArgumentOutOfRangeException(nameof(injection)),
    };

    private static DateTimeOffset TimeOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        var milliseconds = BinaryPrimitives.ReadInt64BigEndian(bytes) >>> 16;

        // An id of another version says nothing about time: then anything may have been lost.
        return id.Version == 7 ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : DateTimeOffset.UnixEpoch;
    }
}
