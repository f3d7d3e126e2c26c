using System.ComponentModel.DataAnnotations;
using Mesh.ServiceHost;

namespace Mesh.Vault;

/// <summary>What can be chosen about the vault.</summary>
public sealed record VaultOptions
{
    /// <summary>How long the vault remembers leases and fences.</summary>
    [Option("lease-retention", "How long leases, redemptions and fences are remembered; a dispatch that is asked about later counts as redeemed, and older receipts are refused.")]
    [Range(typeof(TimeSpan), "00:10:00", "7.00:00:00")]
    public TimeSpan LeaseRetention { get; init; } = TimeSpan.FromHours(6);

    // A receipt must be too old before the row that says it was redeemed may go: a lease's minute, and the clocks' skew.
    internal TimeSpan ReceiptAgeMax => LeaseRetention - TimeSpan.FromMinutes(2);
}
