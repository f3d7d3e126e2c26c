using System.Collections.Concurrent;
using Grpc.Core;
using Mesh.Manifests;

namespace Mesh.Ingress.Webhooks;

/// <summary>The verification keys that the vault gave out, in memory, for at most a minute.</summary>
internal sealed class WebhookKeyring : IDisposable
{
    private const int UnknownMax = 4_096;
    private static readonly TimeSpan KnownMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Unknown = TimeSpan.FromSeconds(5);

    private readonly Vault.V1.LeaseService.LeaseServiceClient vault;
    private readonly TimeProvider clock;
    private readonly ILogger<WebhookKeyring> log;
    private readonly ITimer sweep;
    private readonly ConcurrentDictionary<(string Tenant, string Webhook), Kept> known = new();
    private readonly ConcurrentDictionary<(string Tenant, string Webhook), DateTimeOffset> unknown = new();
    private ConcurrentBag<WebhookKeys> retired = [];

    public WebhookKeyring(Vault.V1.LeaseService.LeaseServiceClient vault, TimeProvider clock, ILogger<WebhookKeyring> log)
    {
        this.vault = vault;
        this.clock = clock;
        this.log = log;
        sweep = clock.CreateTimer(_ => Sweep(), null, KnownMax, KnownMax);
    }

    /// <summary>The webhook's keys; <see cref="WebhookKeys.None"/> when there is no such webhook; null when the vault did not say.</summary>
    public async Task<WebhookKeys?> FindAsync(string tenant, string webhook, CancellationToken stop)
    {
        var name = (tenant, webhook);
        var now = clock.GetUtcNow();

        // What cannot be a name is not worth a question.
        if (!Names.IsName(tenant) || !Names.IsName(webhook) || (unknown.TryGetValue(name, out var until) && now < until))
        {
            return WebhookKeys.None;
        }

        return known.TryGetValue(name, out var kept) && now < kept.Until ? kept.Keys : await AskAsync(name, now, stop);
    }

    public void Dispose()
    {
        sweep.Dispose();

        foreach (var keys in known.Values.Select(kept => kept.Keys).Concat(retired))
        {
            keys.Dispose();
        }
    }

    private async Task<WebhookKeys?> AskAsync((string Tenant, string Webhook) name, DateTimeOffset asked, CancellationToken stop)
    {
        Vault.V1.GetVerificationKeysResponse response;

        try
        {
            response = await vault.GetVerificationKeysAsync(
                new Vault.V1.GetVerificationKeysRequest { Tenant = name.Tenant, Webhook = name.Webhook }, cancellationToken: stop);
        }
        catch (RpcException failure) when (!stop.IsCancellationRequested)
        {
            log.KeysNotReached(name.Tenant, name.Webhook, failure.StatusCode.ToString());
            return null;
        }

        // A webhook whose secret was never put can verify nothing either.
        if (!response.Known || response.Keys.Count == 0 || response.Scheme != "standard-webhooks")
        {
            if (unknown.Count >= UnknownMax)
            {
                unknown.Clear();
            }

            unknown[name] = asked + Unknown;
            return WebhookKeys.None;
        }

        var keys = WebhookKeys.Read(response.Keys.Select(key => key.Memory), out var malformed);

        if (malformed > 0)
        {
            log.KeyMalformed(name.Tenant, name.Webhook);
        }

        var until = asked + TimeSpan.FromTicks(Math.Min(KnownMax.Ticks, (response.CacheFor?.ToTimeSpan() ?? TimeSpan.Zero).Ticks));
        Keep(name, new Kept(keys, until));
        return keys;
    }

    private void Keep((string Tenant, string Webhook) name, Kept fresh) => known.AddOrUpdate(name, fresh, (_, old) =>
    {
        retired.Add(old.Keys);
        return fresh;
    });

    // Retired keys are erased one sweep later, when no delivery can be in the middle of a check with them.
    private void Sweep()
    {
        var now = clock.GetUtcNow();
        var erase = Interlocked.Exchange(ref retired, []);

        foreach (var keys in erase)
        {
            keys.Dispose();
        }

        foreach (var (name, kept) in known)
        {
            if (now >= kept.Until && known.TryRemove(new(name, kept)))
            {
                retired.Add(kept.Keys);
            }
        }

        foreach (var (name, until) in unknown)
        {
            if (now >= until)
            {
                unknown.TryRemove(name, out _);
            }
        }
    }

    private sealed record Kept(WebhookKeys Keys, DateTimeOffset Until);
}
