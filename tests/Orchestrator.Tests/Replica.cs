using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Recovery;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Postgres;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Orchestrator.Tests;

/// <summary>The parts of one orchestrator that look by the clock and offer work, on the store of a fixture.</summary>
internal sealed class Replica : IAsyncDisposable
{
    private readonly SharedLoop loop;

    public Replica(JournalFixture journal)
    {
        var clock = TimeProvider.System;
        var catalog = new Catalog(journal.Store, clock);
        Signals = new TaskSignals(Life);
        Offers = new WorkOffers(Life, clock);
        Claims = new ClaimKeeper(journal.Store, journal.One, catalog, Offers, clock);
        Assignments = new Assignments(
            journal.One, catalog, Claims, new ReplicaHints("orchestrator", journal.Store, clock, NullLogger<ReplicaHints>.Instance), new OrchestratorOptions(), Life, clock);

        // No task of these tests has a call that ToolCallFlow would have to look after.
        var ender = new TaskEnder(journal.One, new OpenCalls(journal.One, catalog, null!), Signals);
        loop = new SharedLoop(
            journal.One, Claims, ender, Offers, Signals, new Trim(journal.Store, clock), clock, NullLogger<SharedLoop>.Instance);
    }

    public ApplicationLifetime Life { get; } = Lives.New();

    public TaskSignals Signals { get; }

    public WorkOffers Offers { get; }

    public ClaimKeeper Claims { get; }

    public Assignments Assignments { get; }

    public static AgentIdentity AgentOf(string workflow, string instance = "agent-1") =>
        new(new WorkflowKey("acme", workflow, "sha256:00"), instance);

    public Task StartLoopAsync() => loop.StartAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await loop.StopAsync(CancellationToken.None);
        loop.Dispose();
    }
}
