namespace EndToEnd.Tests.Tracing;

/// <summary>The tests that share one mesh which exports what it does.</summary>
[CollectionDefinition(nameof(Watched))]
public sealed class Watched : ICollectionFixture<TracedMesh>;
