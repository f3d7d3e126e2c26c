using System.Collections.Concurrent;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Identity;

/// <summary>Asks policy whose token this is, and believes the answer for at most a second.</summary>
internal sealed class TokenCheck(Policy.V1.IdentityService.IdentityServiceClient policy, TimeProvider clock, ILogger<TokenCheck> log)
{
    private const int AnswersMax = 10_000;
    private const string Scheme = "Bearer ";

    private static readonly TimeSpan Believed = TimeSpan.FromSeconds(1);

    // By hash: a dump of this process holds no token that was shown a minute ago.
    private readonly ConcurrentDictionary<Hash256, Answer> answers = new();

    public async Task<Identification> IdentifyAsync(IHeaderDictionary headers, CancellationToken stop)
    {
        var authorization = headers.Authorization;

        if (authorization.Count == 0)
        {
            return new Identification.Nobody();
        }

        // The checksum tells a typing error, or another system's token, from a token: neither is worth a question.
        if (authorization is not [{ } value]
            || !value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            || !OpaqueToken.TryParse(value[Scheme.Length..], TokenKind.Access, out var token))
        {
            return new Identification.Malformed();
        }

        var hash = token.Hash();
        return answers.TryGetValue(hash, out var answer) && clock.GetElapsedTime(answer.AskedAt) < Believed
            ? new Identification.Known(answer.Principal)
            : await AskAsync(token, hash, stop);
    }

    private async Task<Identification> AskAsync(OpaqueToken token, Hash256 hash, CancellationToken stop)
    {
        // Counted from before the question: a revocation must work within a second, however slow the answer was.
        var asked = clock.GetTimestamp();

        try
        {
            var response = await policy.AuthenticateAsync(new Policy.V1.AuthenticateRequest { Token = token.Reveal() }, cancellationToken: stop);

            if (response.Principal is not { } wire)
            {
                answers.TryRemove(hash, out _);
                return new Identification.Stranger();
            }

            var principal = PrincipalMetadata.Read(wire);
            Keep(hash, new Answer(principal, asked));
            return new Identification.Known(principal);
        }
        catch (RpcException thrown) when (!stop.IsCancellationRequested)
        {
            var failure = RpcFailure.Read(thrown);
            log.PolicyNotReached(failure.Reason == Reason.Unspecified ? failure.Code.ToString() : failure.Reason.ToString());

            // Only what passes by itself is the caller's business; the rest is a trouble between ingress and policy.
            return new Identification.Unanswered(
                failure.Reason is Reason.StoreUnavailable or Reason.Overloaded ? failure.ToError() : Answers.Unavailable("policy"));
        }
    }

    private void Keep(Hash256 hash, Answer answer)
    {
        if (answers.Count >= AnswersMax)
        {
            foreach (var (old, kept) in answers)
            {
                if (clock.GetElapsedTime(kept.AskedAt) >= Believed)
                {
                    answers.TryRemove(old, out _);
                }
            }
        }

        if (answers.Count < AnswersMax)
        {
            answers[hash] = answer;
        }
    }

    private sealed record Answer(Principal Principal, long AskedAt);
}
