using Mesh.Manifests;

namespace Mesh.Sdk.Tests.Refund;

public sealed class ManifestTests
{
    [Fact]
    public void The_samples_manifests_have_no_error_and_no_remark()
    {
        var readings = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Refund"), "*.yaml")
            .Select(file => ManifestReader.Read(Path.GetFileName(file), File.ReadAllBytes(file)))
            .ToList();

        Assert.Empty(readings.SelectMany(reading => reading.Errors));
        Assert.Equal(10, readings.Sum(reading => reading.Documents.Count));

        var check = ManifestSet.Check([.. readings.SelectMany(reading => reading.Documents)], []);

        Assert.Empty(check.Errors);
        Assert.Empty(check.Remarks);
    }

    [Fact]
    public void The_shops_port_stands_in_the_integrations_only()
    {
        var files = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Refund"), "*.yaml");

        Assert.Equal(["integrations.yaml"], files.Where(file => File.ReadAllText(file).Contains("7390", StringComparison.Ordinal)).Select(Path.GetFileName));
    }
}
