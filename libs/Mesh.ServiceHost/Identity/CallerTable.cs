using System.Collections.Frozen;

namespace Mesh.ServiceHost;

/// <summary>Who may call what: the one table. A method that has no row can be called by nobody.</summary>
/// <remarks>Methods that people reach have the caller <c>ingress</c>: it authenticates them, and the owner of the method decides.</remarks>
public static class CallerTable
{
    private static readonly FrozenDictionary<string, string[]> Rows = new Dictionary<string, string[]>
    {
        // Agents, over the sockets that they inherit from the tool runner.
        ["/mesh.agent.v1.AgentService/PollWork"] = ["agent"],
        ["/mesh.agent.v1.AgentService/ExtendClaim"] = ["agent"],
        ["/mesh.agent.v1.AgentService/RecordStep"] = ["agent"],
        ["/mesh.agent.v1.AgentService/CallTool"] = ["agent"],
        ["/mesh.agent.v1.AgentService/FinishWork"] = ["agent"],

        // What ingress serves itself: it asks several owners. The second is served by them, too, and then by nobody else's wish.
        ["/mesh.ingress.v1.ManifestService/Apply"] = ["public"],
        ["/mesh.bus.v1.DeadLetterService/ListDeadLetters"] = ["public", "ingress"],
        ["/mesh.bus.v1.DeadLetterService/GetDeadLetter"] = ["public", "ingress"],
        ["/mesh.bus.v1.DeadLetterService/RetryDeadLetter"] = ["public", "ingress"],
        ["/mesh.bus.v1.DeadLetterService/DiscardDeadLetter"] = ["public", "ingress"],

        // Served by policy, vault and orchestrator, each for its own copy.
        ["/mesh.manifests.v1.ManifestIntakeService/ApplyManifests"] = ["ingress"],

        ["/mesh.orchestrator.v1.IntakeService/SubmitWebhook"] = ["ingress"],
        ["/mesh.orchestrator.v1.WorkService/PollWork"] = ["toolrunner"],
        ["/mesh.orchestrator.v1.WorkService/ExtendClaim"] = ["toolrunner"],
        ["/mesh.orchestrator.v1.WorkService/RecordStep"] = ["toolrunner"],
        ["/mesh.orchestrator.v1.WorkService/CallTool"] = ["toolrunner"],
        ["/mesh.orchestrator.v1.WorkService/FinishWork"] = ["toolrunner"],
        ["/mesh.orchestrator.v1.WorkService/EndAgent"] = ["toolrunner"],
        ["/mesh.orchestrator.v1.AssignmentService/AssignAgents"] = ["toolrunner"],
        ["/mesh.orchestrator.v1.AssignmentService/GetBundle"] = ["toolrunner"],
        ["/mesh.orchestrator.v1.TaskService/StartTask"] = ["ingress"],
        ["/mesh.orchestrator.v1.TaskService/GetTask"] = ["ingress"],
        ["/mesh.orchestrator.v1.TaskService/ListTasks"] = ["ingress"],
        ["/mesh.orchestrator.v1.TaskService/ListTaskEvents"] = ["ingress"],
        ["/mesh.orchestrator.v1.TaskService/GetTaskTimeline"] = ["ingress"],
        ["/mesh.orchestrator.v1.TaskService/WaitTask"] = ["ingress"],
        ["/mesh.orchestrator.v1.TaskService/WatchTask"] = ["ingress"],
        ["/mesh.orchestrator.v1.TaskService/CancelTask"] = ["ingress"],
        ["/mesh.orchestrator.v1.TaskService/SettleCall"] = ["ingress"],
        ["/mesh.orchestrator.v1.CatalogService/GetManifest"] = ["ingress"],
        ["/mesh.orchestrator.v1.CatalogService/ListManifests"] = ["ingress"],
        ["/mesh.orchestrator.v1.CatalogService/ListTenants"] = ["ingress"],
        ["/mesh.orchestrator.v1.BundleService/FindMissingBundles"] = ["ingress"],
        ["/mesh.orchestrator.v1.BundleService/UploadBundle"] = ["ingress"],

        ["/mesh.policy.v1.DecisionService/Admit"] = ["orchestrator"],
        ["/mesh.policy.v1.DecisionService/Decide"] = ["orchestrator"],

        // Vault and audit verify a person's token themselves, so that ingress alone cannot invent one.
        ["/mesh.policy.v1.IdentityService/Authenticate"] = ["ingress", "vault", "audit"],
        ["/mesh.policy.v1.AccessService/WhoAmI"] = ["ingress"],
        ["/mesh.policy.v1.AccessService/CreateToken"] = ["ingress"],
        ["/mesh.policy.v1.AccessService/ListTokens"] = ["ingress"],
        ["/mesh.policy.v1.AccessService/RevokeToken"] = ["ingress"],
        ["/mesh.policy.v1.AccessService/AddGroupMember"] = ["ingress"],
        ["/mesh.policy.v1.AccessService/RemoveGroupMember"] = ["ingress"],
        ["/mesh.policy.v1.AccessService/ListGroups"] = ["ingress"],
        ["/mesh.policy.v1.ApprovalService/ListApprovals"] = ["ingress"],
        ["/mesh.policy.v1.ApprovalService/GetApproval"] = ["ingress"],
        ["/mesh.policy.v1.ApprovalService/ApproveApproval"] = ["ingress"],
        ["/mesh.policy.v1.ApprovalService/DenyApproval"] = ["ingress"],

        // Whoever issues a lease cannot redeem it, and whoever redeems it cannot issue one.
        ["/mesh.vault.v1.LeaseService/IssueLease"] = ["orchestrator"],
        ["/mesh.vault.v1.LeaseService/RedeemLease"] = ["toolrunner"],
        ["/mesh.vault.v1.LeaseService/Fence"] = ["orchestrator"],
        ["/mesh.vault.v1.LeaseService/GetVerificationKeys"] = ["ingress"],
        ["/mesh.vault.v1.SecretService/PutSecret"] = ["ingress"],
        ["/mesh.vault.v1.SecretService/ListSecrets"] = ["ingress"],

        ["/mesh.audit.v1.AppendService/AppendIntent"] = ["orchestrator"],
        ["/mesh.audit.v1.LogService/GetCheckpoint"] = ["ingress"],
        ["/mesh.audit.v1.LogService/ListEntries"] = ["ingress"],
        ["/mesh.audit.v1.LogService/GetInclusionProof"] = ["ingress"],
        ["/mesh.audit.v1.LogService/GetConsistencyProof"] = ["ingress"],
        ["/mesh.audit.v1.LogService/GetKeys"] = ["ingress"],

        ["/mesh.toolrunner.v1.RunnerService/RunCall"] = ["orchestrator"],
        ["/mesh.toolrunner.v1.RunnerService/AskCall"] = ["orchestrator"],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>All methods that somebody may call, as <c>/package.Service/Method</c>.</summary>
    public static IEnumerable<string> Methods => Rows.Keys;

    /// <summary>Who may call a method; nobody where it has no row.</summary>
    public static IReadOnlyList<string> CallersOf(string method) => Rows.GetValueOrDefault(method, []);

    /// <summary>Whether the table gives this method to this caller.</summary>
    public static bool Allows(string method, string caller) => Rows.TryGetValue(method, out var callers) && Array.IndexOf(callers, caller) >= 0;
}
