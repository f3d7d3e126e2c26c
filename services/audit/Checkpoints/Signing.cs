using Mesh.Audit.Sequencing;
using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Audit.Checkpoints;

/// <summary>Puts together what signs, and what checks the signatures of policy.</summary>
internal static class Signing
{
    public static void AddSigning(this WebApplicationBuilder builder)
    {
        var (keys, domain, anchor) = (builder.MeshOptions().Keys, builder.MeshOptions().Domain, builder.MeshOptions<AuditOptions>().Anchor);

        builder.Services.AddSingleton(services =>
            new TrustStore(keys, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<TrustStore>>()));
        builder.Services.AddSingleton(services =>
        {
            var trust = services.GetRequiredService<TrustStore>();

            // A key that nobody trusts yet must not sign: its receipts would open nothing.
            _ = trust.Signer(TrustUse.AuditReceipt);
            using var seed = trust.ReadKey("signing.seed");
            return new LogSigners(domain, SigningKey.FromSeed(seed), () => trust.Verifiers(TrustUse.AuditReceipt));
        });
        builder.Services.AddSingleton(services =>
        {
            var trust = services.GetRequiredService<TrustStore>();
            return new DecisionCheck(domain, () => trust.Verifiers(TrustUse.PolicyDecision), services.GetRequiredService<TimeProvider>());
        });
        builder.Services.AddSingleton(new Anchor(anchor));
        builder.Services.AddSingleton<GrownLogs>();
        builder.Services.AddSingleton<UnsignedLogs>();
        builder.Services.AddSingleton<CheckpointFlow>();
        builder.Services.AddHostedService<Integrator>();
    }
}
