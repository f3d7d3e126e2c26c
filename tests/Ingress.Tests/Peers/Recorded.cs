using System.Collections.Concurrent;
using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Tests.Peers;

/// <summary>What the peers saw, and what they answer.</summary>
internal sealed class Recorded
{
    public ConcurrentQueue<Orchestrator.V1.SubmitWebhookRequest> Deliveries { get; } = new();

    public ConcurrentQueue<(string Service, Manifests.V1.ApplyManifestsRequest Request, Principal Principal, string? Token)> Applies { get; } = new();

    public ConcurrentQueue<(Principal Principal, string? Token, IReadOnlyList<string> Headers)> Callers { get; } = new();

    public ConcurrentDictionary<string, string> Tokens { get; } = new();

    public ConcurrentDictionary<(string Tenant, string Webhook), PlayedWebhook> Webhooks { get; } = new();

    public int KeyQuestions;

    public int IdentityQuestions;

    public Exception? IdentityRefuses { get; set; }

    public Exception? IntakeRefuses { get; set; }

    /// <summary>The last place that policy gave an apply.</summary>
    public long Generation;

    /// <summary>The service that refuses an apply because another one overtook it, and how often it still does.</summary>
    public (string Service, int Times)? ApplyOvertaken { get; set; }

    /// <summary>The service that refuses an apply, and how.</summary>
    public (string Service, bool ValidateOnly, Exception Refusal)? ApplyRefuses { get; set; }

    public string IssueToken(string principal)
    {
        var token = OpaqueToken.Generate(TokenKind.Access).Reveal();
        Tokens[token] = principal;
        return token;
    }
}
