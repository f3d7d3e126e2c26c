using Mesh.Cli;
using Mesh.Cli.Connection;
using Mesh.Cli.Dev;
using Mesh.Cli.Output;
using Mesh.TestKit;

namespace Cli.Tests.Dev;

public sealed class DataFolderTests
{
    private static readonly RunFile Left = new(
        "http://127.0.0.1:7300", "http://127.0.0.1:7301", "mesh_secret", "", "postgres", new Dictionary<string, int>(), 1, 2, null, new Dictionary<string, int>());

    [Fact]
    public async Task The_token_of_a_mesh_that_was_killed_is_not_sent_to_whoever_has_its_ports_now()
    {
        using var folder = new OpenFolder();
        var data = new DataFolder(folder.Path);
        (await data.ClaimAsync(fresh: false)).Dispose();
        Left.Write(data.RunFile);

        var refused = Assert.Throws<ProblemException>(() => Find(folder.Path));

        Assert.Equal("MESH_NOT_FOUND", refused.Problem.Reason);
        Assert.Contains("was killed", refused.Problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_token_of_a_mesh_that_runs_is_used()
    {
        using var folder = new OpenFolder();
        var data = new DataFolder(folder.Path);
        using var claim = await data.ClaimAsync(fresh: false);
        Left.Write(data.RunFile);

        Assert.Equal("mesh_secret", Find(folder.Path).Token);
    }

    [Fact]
    public async Task What_a_killed_launcher_said_of_itself_is_gone_as_soon_as_another_has_the_folder()
    {
        using var folder = new OpenFolder();
        var data = new DataFolder(folder.Path);
        Left.Write(data.RunFile);

        using var claim = await data.ClaimAsync(fresh: false);

        Assert.False(File.Exists(data.RunFile));
    }

    [Fact]
    public async Task Fresh_empties_what_agents_and_their_bundles_left_too()
    {
        using var folder = new OpenFolder();
        var data = new DataFolder(folder.Path);
        Directory.CreateDirectory(Path.Combine(data.RunnerOf(1), "bundles", "one"));

        using var claim = await data.ClaimAsync(fresh: true);

        Assert.Empty(Directory.EnumerateFileSystemEntries(data.RunnerOf(1)));
    }

    [Fact]
    public async Task A_folder_keeps_to_the_bus_that_its_messages_are_on_until_it_begins_anew()
    {
        using var folder = new OpenFolder();
        var data = new DataFolder(folder.Path);

        using (await data.ClaimAsync(fresh: false))
        {
            data.KeepTo("postgres");
            data.KeepTo("postgres");
            var refused = Assert.Throws<ProblemException>(() => data.KeepTo("rabbitmq")).Problem;

            Assert.Equal("BUS_CHANGED", refused.Reason);
            Assert.Contains("--bus postgres", refused.Message, StringComparison.Ordinal);
        }

        using var anew = await data.ClaimAsync(fresh: true);
        data.KeepTo("rabbitmq");
    }

    [Fact]
    public void What_other_users_must_reach_is_moved_away_from_a_folder_that_is_closed_to_them_and_only_then()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root lends other users its folders.");
        using var open = new OpenFolder();
        var closed = Directory.CreateDirectory(Path.Combine(open.Path, "closed"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        var moved = new DataFolder(Path.Combine(closed.FullName, "mesh"));
        var stays = new DataFolder(Path.Combine(open.Path, "mesh"));

        Assert.All((string[])[moved.RunnerOf(1), moved.Postgres], place => Assert.StartsWith("/var/lib/mesh-private/", place, StringComparison.Ordinal));
        Assert.NotEqual(moved.RunnerOf(1), moved.Postgres);
        Assert.Equal(Path.Combine(stays.Path, "runner"), stays.RunnerOf(1));
    }

    private static MeshAddress Find(string folder) => MeshAddress.Find(CommandLine.Root().Parse(["status", "--data", folder]));
}
