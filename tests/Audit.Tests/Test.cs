namespace Audit.Tests;

/// <summary>What every test of this project says.</summary>
internal static class Test
{
    public static CancellationToken Stop => TestContext.Current.CancellationToken;
}
