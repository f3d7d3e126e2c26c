using Mesh.Manifests;
using Mesh.Vault.Definitions;

namespace Mesh.Vault.Tests.Definitions;

/// <summary>Applies arrive in any order and end as if they had come in theirs.</summary>
public sealed class ManifestOrderTests
{
    private const string Tenant = "ordered";

    [Fact]
    public async Task An_apply_that_comes_after_a_later_one_is_refused_and_changes_nothing()
    {
        await using var vault = await TestVault.StartAsync();
        await ApplyAsync(vault, generation: 6, port: 7006);

        var late = await ApplyAsync(vault, generation: 5, port: 7005);

        Assert.Equal(new IntakeOutcome.Overtaken(Tenant), late);
        Assert.Equal(SampleOf(7006), await CurrentAsync(vault));
    }

    [Fact]
    public async Task An_apply_that_changes_nothing_overtakes_earlier_ones_all_the_same()
    {
        await using var vault = await TestVault.StartAsync();
        await ApplyAsync(vault, generation: 5, port: 7005);
        Assert.IsType<IntakeOutcome.Applied>(await ApplyAsync(vault, generation: 7, port: 7005));

        var late = await ApplyAsync(vault, generation: 6, port: 7006);

        Assert.IsType<IntakeOutcome.Overtaken>(late);
        Assert.Equal(SampleOf(7005), await CurrentAsync(vault));
    }

    [Fact]
    public async Task A_repeated_apply_is_taken_and_another_tenant_has_an_order_of_its_own()
    {
        await using var vault = await TestVault.StartAsync();
        await ApplyAsync(vault, generation: 6, port: 7006);

        var repeated = await ApplyAsync(vault, generation: 6, port: 7006);
        var other = await vault.Manifests.ApplyAsync(
            [.. SampleManifests.Of("elsewhere").Select(document => new SubmittedManifest(document, "sample.yaml"))], 5, validateOnly: false, TestContext.Current.CancellationToken);

        Assert.All(Assert.IsType<IntakeOutcome.Applied>(repeated).Manifests, manifest => Assert.Equal(ManifestChange.Unchanged, manifest.Change));
        Assert.IsType<IntakeOutcome.Applied>(other);
    }

    [Fact]
    public async Task An_apply_without_a_place_is_taken_as_it_comes_and_takes_none()
    {
        await using var vault = await TestVault.StartAsync();
        await ApplyAsync(vault, generation: 6, port: 7006);

        Assert.IsType<IntakeOutcome.Applied>(await ApplyAsync(vault, generation: null, port: 7000));

        Assert.Equal(SampleOf(7000), await CurrentAsync(vault));
        Assert.IsType<IntakeOutcome.Overtaken>(await ApplyAsync(vault, generation: 5, port: 7005));
    }

    [Fact]
    public async Task Of_applies_at_the_same_time_the_latest_stands()
    {
        await using var vault = await TestVault.StartAsync();
        const int first = 7100;
        int[] generations = [.. Enumerable.Range(first, 40)];
        Random.Shared.Shuffle(generations);

        await Task.WhenAll(generations.Select(generation => ApplyAsync(vault, generation, port: generation)));

        Assert.Equal(SampleOf(generations.Max()), await CurrentAsync(vault));
    }

    private static Task<IntakeOutcome> ApplyAsync(TestVault vault, long? generation, int port) => vault.Manifests.ApplyAsync(
        [.. SampleManifests.Of(Tenant, $"http://127.0.0.1:{port}").Select(document => new SubmittedManifest(document, "sample.yaml"))],
        generation,
        validateOnly: false,
        TestContext.Current.CancellationToken);

    private static async Task<string> CurrentAsync(TestVault vault) =>
        (await vault.Manifests.FindAsync(Tenant, ManifestKind.Integration, "payments", TestContext.Current.CancellationToken))!.Digest.ToString();

    private static string SampleOf(int port) =>
        SampleManifests.Of(Tenant, $"http://127.0.0.1:{port}").Single(document => document is { Kind: ManifestKind.Integration, Name: "payments" }).Digest.ToString();
}
