namespace EndToEnd.Tests.Fixture;

/// <summary>The attacks that share one mesh, one after the other: some of them stop its services for a while.</summary>
[CollectionDefinition(nameof(Together))]
public sealed class Together : ICollectionFixture<AttackedMesh>;
