using System.Diagnostics;
using System.Globalization;
using System.Text;
using EndToEnd.Tests.Fixture;
using Mesh.TestKit;
using Npgsql;

namespace EndToEnd.Tests.Custody;

/// <summary>Everything that a mesh stores, prints or shows, for a search of what must not be there.</summary>
/// <param name="node">The mesh.</param>
/// <param name="store">The superuser's way to its store.</param>
internal sealed class Remains(DevMesh node, NpgsqlDataSource store)
{
    private const int BlockBytes = 8 * 1024 * 1024;
    private const int OverlapBytes = 4 * 1024;

    /// <summary>Every row of every table, as PostgreSQL writes it.</summary>
    public async IAsyncEnumerable<(string Where, byte[] Content)> RowsAsync()
    {
        var tables = new List<string>();

        await using (var list = store.CreateCommand("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"))
        await using (var names = await list.ExecuteReaderAsync())
        {
            while (await names.ReadAsync())
            {
                tables.Add(names.GetString(0));
            }
        }

        foreach (var table in tables)
        {
            await using var command = store.CreateCommand($"select row::text from {table} row");
            await using var rows = await command.ExecuteReaderAsync();

            while (await rows.ReadAsync())
            {
                yield return ($"table {table}", Encoding.UTF8.GetBytes(rows.GetString(0)));
            }
        }
    }

    /// <summary>Every file of the mesh: logs of services and agents, run.json, connections, bundles, PostgreSQL's pages and its log of writes.</summary>
    public async IAsyncEnumerable<(string Where, byte[] Content)> FilesAsync()
    {
        await using (var checkpoint = store.CreateCommand("checkpoint"))
        {
            await checkpoint.ExecuteNonQueryAsync();
        }

        await using var where = store.CreateCommand("show data_directory");
        var cluster = (string)(await where.ExecuteScalarAsync())!;
        var files = ((string[])[node.Data, cluster]).Distinct().SelectMany(folder => Directory.EnumerateFiles(folder, "*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            IgnoreInaccessible = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
        })).Distinct();

        foreach (var file in files)
        {
            foreach (var block in Blocks(file))
            {
                yield return ($"file {file}", block);
            }
        }
    }

    /// <summary>What an agent's process holds: command line, environment, and all of its memory that can be written to.</summary>
    public static IEnumerable<(string Where, byte[] Content)> Process(int pid)
    {
        yield return ($"/proc/{pid}/cmdline", File.ReadAllBytes($"/proc/{pid}/cmdline"));
        yield return ($"/proc/{pid}/environ", File.ReadAllBytes($"/proc/{pid}/environ"));

        foreach (var region in File.ReadAllLines($"/proc/{pid}/maps").Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(line => line[1].StartsWith("rw", StringComparison.Ordinal)))
        {
            var limits = region[0].Split('-').Select(limit => long.Parse(limit, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();

            foreach (var block in Blocks($"/proc/{pid}/mem", limits[0], limits[1]))
            {
                yield return ($"memory of {pid}", block);
            }
        }
    }

    /// <summary>What is shown to people about a task, and about everything around it.</summary>
    public static async IAsyncEnumerable<(string Where, byte[] Content)> AnswersAsync(AttackedMesh mesh, string task)
    {
        string[] pages =
        [
            $"/v1/tenants/acme/tasks/{task}", $"/v1/tenants/acme/tasks/{task}/events?pageSize=1000", $"/v1/tenants/acme/tasks/{task}/timeline",
            "/v1/tenants/acme/tasks?pageSize=1000", "/v1/tenants/acme/secrets", "/v1/tenants/acme/manifests?pageSize=1000",
            "/v1/tenants/acme/approvals?pageSize=200", "/v1/tenants/acme/audit/entries?count=1000",
        ];

        foreach (var page in pages)
        {
            var answer = await mesh.Admin.GetAsync(page);
            answer.Good();
            yield return (page, Encoding.UTF8.GetBytes(answer.Text));
        }

        foreach (var text in await mesh.MetricsAsync())
        {
            yield return ("metrics", Encoding.UTF8.GetBytes(text));
        }

        yield return ("the launcher's output", Encoding.UTF8.GetBytes(mesh.Node.Output));

        foreach (var verb in (string[])["get", "events", "timeline"])
        {
            yield return ($"mesh task {verb}", await CommandLineAsync("task", verb, task, "-o", "json", "--tenant", "acme", "--data", mesh.Node.Data));
        }
    }

    /// <summary>Where a planted value is, and in which form.</summary>
    public static async Task<IReadOnlyList<string>> FindAsync(Canary canary, IAsyncEnumerable<(string Where, byte[] Content)> contents)
    {
        var found = new List<string>();

        await foreach (var (where, content) in contents)
        {
            found.AddRange(canary.FormsIn(content).Select(form => $"{form} in {where}"));
        }

        return found;
    }

    public static IReadOnlyList<string> Find(Canary canary, IEnumerable<(string Where, byte[] Content)> contents) =>
        [.. contents.SelectMany(each => canary.FormsIn(each.Content).Select(form => $"{form} in {each.Where}"))];

    private static async Task<byte[]> CommandLineAsync(params string[] words)
    {
        using var mesh = System.Diagnostics.Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "mesh"), words)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var printed = mesh.StandardOutput.ReadToEndAsync();
        var complained = await mesh.StandardError.ReadToEndAsync();
        await mesh.WaitForExitAsync();
        Assert.True(mesh.ExitCode == 0, $"mesh {string.Join(' ', words)}: {complained}");
        return Encoding.UTF8.GetBytes(await printed + complained);
    }

    // In blocks that overlap: a file may be larger than what fits at once, and a border hides nothing.
    private static IEnumerable<byte[]> Blocks(string path, long from = 0, long until = long.MaxValue)
    {
        FileStream file;

        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            yield break;
        }

        using (file)
        {
            for (var at = from; at < until;)
            {
                var block = new byte[(int)Math.Min(BlockBytes, until - at)];
                int read;

                try
                {
                    read = RandomAccess.Read(file.SafeFileHandle, block, at);
                }
                catch (IOException)
                {
                    // A page of memory that is reserved and not there.
                    yield break;
                }

                if (read <= 0)
                {
                    yield break;
                }

                yield return block[..read];
                at += read > OverlapBytes && at + read < until ? read - OverlapBytes : read;
            }
        }
    }
}
