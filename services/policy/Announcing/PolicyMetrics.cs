using System.Diagnostics;
using System.Diagnostics.Metrics;
using Mesh.Policy.Evaluation;
using Mesh.ServiceHost;

namespace Mesh.Policy.Announcing;

/// <summary>Counts decisions by effect and deciding rule.</summary>
internal sealed class PolicyMetrics
{
    private readonly Counter<long> decisions;

    public PolicyMetrics(IMeterFactory meters) =>
        decisions = meters.Create(MeshSemantics.Meter).CreateCounter<long>("mesh.policy.decisions", "{decision}", "Decisions, by effect and by the rule that decided.");

    public void Count(Answer answer) => Add(
        answer switch
        {
            Answer.Permitted => "permit",
            Answer.Denied => "deny",
            Answer.NeedsApproval => "require_approval",
            _ => throw new UnreachableException(),
        },
        answer.Grounds);

    public void CountStart(Verdict verdict) => Add(verdict is Verdict.Permitted ? "admit" : "refuse", verdict.Grounds);

    private void Add(string effect, Grounds grounds) => decisions.Add(
        1,
        new KeyValuePair<string, object?>("effect", effect),
        new KeyValuePair<string, object?>("rule", grounds.DecidedBy),
        new KeyValuePair<string, object?>("degraded", grounds.IsDegraded));
}
