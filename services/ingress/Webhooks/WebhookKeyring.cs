using System.Collections.Concurrent;
using Grpc.Core;
using Mesh.Manifests;

namespace Mesh.Ingress.Webhooks;

/// <summary>What the vault says about webhooks, and their keys, in memory, for at most a minute.</summary>
internal sealed class WebhookKeyring : IDisposable
{
    private const int UnknownMax = 4_096;
    private static readonly TimeSpan KnownMax = TimeSpan.FromSeconds(60);

    // A delivery that is not accepted may be the first one after a change. So often, at most, strangers can have the vault asked.
    private static readonly TimeSpan AskPause = TimeSpan.FromSeconds(5);

    private readonly Vault.V1.LeaseService.LeaseServiceClient vault;
    private readonly TimeProvider clock;
    private readonly ILogger<WebhookKeyring> log;
    private readonly ITimer sweep;
    private readonly ConcurrentDictionary<(string Tenant, string Webhook), Kept> known = new();
    private readonly ConcurrentDictionary<(string Tenant, string Webhook), Kept> unknown = new();
    private readonly ConcurrentDictionary<(string Tenant, string Webhook), Lazy<Task<WebhookDoor?>>> asking = new();
    private readonly ConcurrentDictionary<(string Tenant, string Webhook), DateTimeOffset> unanswered = new();
    private ConcurrentBag<WebhookKeys> retired = [];
    private ConcurrentBag<WebhookKeys> expired = [];

    public WebhookKeyring(Vault.V1.LeaseService.LeaseServiceClient vault, TimeProvider clock, ILogger<WebhookKeyring> log)
    {
        this.vault = vault;
        this.clock = clock;
        this.log = log;
        sweep = clock.CreateTimer(_ => Sweep(), null, KnownMax, KnownMax);
    }

    /// <summary>The webhook as the vault knew it at most a minute ago; null when the vault did not say.</summary>
    public async Task<WebhookDoor?> FindAsync(string tenant, string webhook, CancellationToken stop)
    {
        var name = (tenant, webhook);
        var now = clock.GetUtcNow();

        // What cannot be a name is not worth a question.
        if (!Names.IsName(tenant) || !Names.IsName(webhook))
        {
            return WebhookDoor.Unknown(now);
        }

        return (known.TryGetValue(name, out var kept) || unknown.TryGetValue(name, out kept)) && now < kept.Until ? kept.Door : await AskOnceAsync(name, now, stop);
    }

    /// <summary>
    /// The webhook as it is now, for a delivery that did not pass <paramref name="before"/>; the same one when the vault was asked just now, and
    /// null when it did not say. With unknown webhooks it goes the same way, so that waiting for the vault tells nobody which they are.
    /// </summary>
    public async Task<WebhookDoor?> FindAgainAsync(string tenant, string webhook, WebhookDoor before, CancellationToken stop)
    {
        var now = clock.GetUtcNow();
        return now - before.AskedAt < AskPause ? before : await AskOnceAsync((tenant, webhook), now, stop);
    }

    public void Dispose()
    {
        sweep.Dispose();

        foreach (var keys in known.Values.Select(kept => kept.Door.Keys).Concat(retired).Concat(expired))
        {
            keys.Dispose();
        }
    }

    // One question for all who wait for the answer, and none for a while after the vault was silent: strangers decide how many wait.
    private async Task<WebhookDoor?> AskOnceAsync((string Tenant, string Webhook) name, DateTimeOffset now, CancellationToken stop)
    {
        if (unanswered.TryGetValue(name, out var at) && now - at < AskPause)
        {
            return null;
        }

        var question = asking.GetOrAdd(name, _ => new(() => AskAndForgetAsync(name, now)));

        return await question.Value.WaitAsync(stop);
    }

    private async Task<WebhookDoor?> AskAndForgetAsync((string Tenant, string Webhook) name, DateTimeOffset asked)
    {
        // Nobody's patience but the deadline's: others wait for it too.
        await Task.Yield();

        try
        {
            return await AskAsync(name, asked, CancellationToken.None);
        }
        finally
        {
            asking.TryRemove(name, out _);
        }
    }

    private void Unanswered((string Tenant, string Webhook) name)
    {
        if (unanswered.Count >= UnknownMax)
        {
            unanswered.Clear();
        }

        unanswered[name] = clock.GetUtcNow();
    }

    private async Task<WebhookDoor?> AskAsync((string Tenant, string Webhook) name, DateTimeOffset asked, CancellationToken stop)
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
            Unanswered(name);
            return null;
        }

        var until = asked + TimeSpan.FromTicks(Math.Min(KnownMax.Ticks, (response.CacheFor?.ToTimeSpan() ?? TimeSpan.Zero).Ticks));

        // A webhook whose secret was never put can verify nothing either.
        if (!response.Known || response.Keys.Count == 0)
        {
            if (unknown.Count >= UnknownMax)
            {
                unknown.Clear();
            }

            if (known.TryRemove(name, out var gone))
            {
                retired.Add(gone.Door.Keys);
            }

            return (unknown[name] = new Kept(WebhookDoor.Unknown(asked), until)).Door;
        }

        // A newer vault's: better late than never, so the sender is told to come back.
        if (Wire.Read(response.Signature) is not { } scheme)
        {
            log.SchemeNotKnown(name.Tenant, name.Webhook, response.Scheme);
            return null;
        }

        var keys = WebhookKeys.Read(response.Keys.Select(key => key.Memory), scheme.KeyEncoding, out var malformed);

        if (malformed > 0)
        {
            log.KeyMalformed(name.Tenant, name.Webhook);
        }

        var door = new WebhookDoor(scheme, keys, asked);
        Keep(name, new Kept(door, until));
        return door;
    }

    private void Keep((string Tenant, string Webhook) name, Kept fresh)
    {
        unknown.TryRemove(name, out _);
        known.AddOrUpdate(name, fresh, (_, old) =>
        {
            retired.Add(old.Door.Keys);
            return fresh;
        });
    }

    // Retired keys are erased one sweep later, when no delivery can be in the middle of a check with them.
    private void Sweep()
    {
        var now = clock.GetUtcNow();

        foreach (var keys in expired)
        {
            keys.Dispose();
        }

        expired = Interlocked.Exchange(ref retired, []);

        foreach (var (name, kept) in known)
        {
            if (now >= kept.Until && known.TryRemove(new(name, kept)))
            {
                retired.Add(kept.Door.Keys);
            }
        }

        foreach (var (name, kept) in unknown)
        {
            if (now >= kept.Until)
            {
                unknown.TryRemove(new(name, kept));
            }
        }
    }

    private sealed record Kept(WebhookDoor Door, DateTimeOffset Until);
}
