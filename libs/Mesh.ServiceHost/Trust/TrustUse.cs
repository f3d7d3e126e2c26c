namespace Mesh.ServiceHost;

/// <summary>What the keys of <c>trust.json</c> sign.</summary>
public static class TrustUse
{
    /// <summary>Policy's decisions.</summary>
    public const string PolicyDecision = "policy-decision";

    /// <summary>Audit's receipts and checkpoints.</summary>
    public const string AuditReceipt = "audit-receipt";
}
