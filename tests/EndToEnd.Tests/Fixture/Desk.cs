using Mesh.TestKit;

namespace EndToEnd.Tests.Fixture;

/// <summary>The checkout as somebody at a terminal sees it, with the shop on a port of its own and the mesh's folder apart from everybody else's.</summary>
public sealed class Desk : IDisposable
{
    private const string SamplePort = "7390";

    private readonly OpenFolder folder = new();
    private readonly string shopPort;

    public Desk(int shopPort)
    {
        this.shopPort = $"{shopPort}";
        var script = In("mesh");
        File.WriteAllText(script, $"#!/usr/bin/env bash\nexec '{Repository.Root}/mesh' \"$@\"\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Directory.CreateSymbolicLink(In("artifacts"), Path.Combine(Repository.Root, "artifacts"));
        Directory.CreateDirectory(In(Manifests));

        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, Manifests)))
        {
            File.WriteAllText(In(Manifests, Path.GetFileName(file)), Here(File.ReadAllText(file)));
        }
    }

    /// <summary>The sample's, seen from the checkout.</summary>
    public static string Manifests => "sdk/samples/refund/manifests";

    public string Folder => folder.Path;

    public string In(params ReadOnlySpan<string> path) => Path.Combine([folder.Path, .. path]);

    /// <summary>A text of the sample with the shop's port of this desk.</summary>
    public string Here(string text) => text.Replace(SamplePort, shopPort, StringComparison.Ordinal);

    public void Dispose() => folder.Dispose();
}
