using Mesh.Manifests;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Tests.Journal;

namespace Mesh.Orchestrator.Tests.Intake;

/// <summary>Applies arrive in any order and end as if they had come in theirs.</summary>
public sealed class ManifestOrderTests(JournalFixture fixture) : IClassFixture<JournalFixture>
{
    [Fact]
    public async Task An_apply_that_comes_after_a_later_one_is_refused_and_changes_nothing()
    {
        await ApplyAsync("late", generation: 6, port: 7006);

        var late = await ApplyAsync("late", generation: 5, port: 7005);

        Assert.Equal(new CatalogChange.Overtaken("late"), late);
        Assert.Equal(1, await ShowingAsync("late", 7006));
    }

    [Fact]
    public async Task An_apply_that_changes_nothing_overtakes_earlier_ones_all_the_same()
    {
        await ApplyAsync("same", generation: 5, port: 7005);
        Assert.IsType<CatalogChange.Done>(await ApplyAsync("same", generation: 7, port: 7005));

        var late = await ApplyAsync("same", generation: 6, port: 7006);

        Assert.IsType<CatalogChange.Overtaken>(late);
        Assert.Equal(1, await ShowingAsync("same", 7005));
    }

    [Fact]
    public async Task A_repeated_apply_is_taken_and_one_without_a_place_as_it_comes()
    {
        await ApplyAsync("again", generation: 6, port: 7006);

        var repeated = await ApplyAsync("again", generation: 6, port: 7006);
        var placeless = await ApplyAsync("again", generation: null, port: 7000);

        Assert.All(Assert.IsType<CatalogChange.Done>(repeated).Documents, each => Assert.Equal(DocumentChange.Unchanged, each.Change));
        Assert.IsType<CatalogChange.Done>(placeless);
        Assert.Equal(1, await ShowingAsync("again", 7000));
        Assert.IsType<CatalogChange.Overtaken>(await ApplyAsync("again", generation: 5, port: 7005));
    }

    [Fact]
    public async Task Of_applies_at_the_same_time_the_latest_stands()
    {
        int[] generations = [.. Enumerable.Range(7100, 40)];
        Random.Shared.Shuffle(generations);

        await Task.WhenAll(generations.Select(generation => ApplyAsync("crowd", generation, port: generation)));

        Assert.Equal(1, await ShowingAsync("crowd", generations.Max()));
    }

    private async Task<CatalogChange> ApplyAsync(string tenant, long? generation, int port)
    {
        var documents = ManifestReader.Read(
            "sample.yaml",
            $$"""
            apiVersion: mesh/v1
            kind: Tenant
            metadata: {name: {{tenant}}}
            ---
            apiVersion: mesh/v1
            kind: Integration
            metadata: {tenant: {{tenant}}, name: payments}
            spec: {http: {baseUrl: "http://127.0.0.1:{{port}}"}, egress: ["127.0.0.1:{{port}}"]}
            """).Documents;
        var writer = new CatalogWriter(fixture.Store, new Catalog(fixture.Store, TimeProvider.System));
        return await writer.ApplyAsync(documents, generation, "ada", validateOnly: false, TestContext.Current.CancellationToken);
    }

    private Task<long> ShowingAsync(string tenant, int port) => fixture.CountAsync(
        $"select count(*) from orchestrator.manifest where tenant_id = '{tenant}' and kind = 'Integration' and convert_from(canonical, 'UTF8') like '%:{port}%'");
}
