using Mesh.Policy.Tests;

// One service for all tests: each makes a tenant of its own. Tests that kill it start their own.
[assembly: AssemblyFixture(typeof(PolicyNode))]
