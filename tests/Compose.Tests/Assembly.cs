using Compose.Tests.Containers;

// Each mesh has a dozen containers, and two at once would wait for each other's processors.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

// Built when the first test wants them, and gone after the last.
[assembly: AssemblyFixture(typeof(Images))]
