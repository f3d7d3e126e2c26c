using System.Text;
using EndToEnd.Tests.Fixture;

namespace EndToEnd.Tests.Custody;

/// <summary>An agent makes a tool echo the credential, and somebody searches everything that is left afterwards.</summary>
[Collection(nameof(Together))]
public sealed class CredentialTests(AttackedMesh mesh)
{
    private static readonly string[] Mirrors = ["mirror.raw", "mirror.base64", "mirror.hex", "mirror.url"];

    [Fact]
    public async Task A_tool_that_echoes_its_request_in_any_encoding_gives_the_agent_no_credential()
    {
        var word = NewWord();

        var played = await EchoAsync(word);

        Assert.Equal(Mirrors.Length, played.Answers.Count);
        Assert.All(played.Answers, answer =>
        {
            Assert.Equal(200, answer.Status);
            Assert.Empty(mesh.Secret.FormsIn(Encoding.UTF8.GetBytes(answer.Text)));

            // It was there: the target had it, and echoed it beside what the agent had said.
            Assert.Contains("[credential]", answer.Text, StringComparison.Ordinal);
            Assert.NotEmpty(word.FormsIn(Encoding.UTF8.GetBytes(answer.Text)));
        });
    }

    [Fact]
    public async Task The_credential_is_in_no_table_file_log_metric_or_answer_and_in_no_agents_process()
    {
        var word = NewWord();
        var played = await EchoAsync(word);
        await mesh.RestAsync(await mesh.StartTaskAsync(await mesh.OfferOrderAsync()));
        var remains = new Remains(mesh.Node, mesh.Store);
        var agents = mesh.Node.ReadRun().Agents.Values.ToArray();

        // The search finds what is there: a word that the agent was told, in the places where words are kept.
        var rows = await Remains.FindAsync(word, remains.RowsAsync());
        Assert.Contains(rows, place => place.Contains("orchestrator.journal", StringComparison.Ordinal));
        Assert.Contains(rows, place => place.Contains("audit.", StringComparison.Ordinal));
        Assert.NotEmpty(await Remains.FindAsync(word, remains.FilesAsync()));
        Assert.NotEmpty(await Remains.FindAsync(word, Remains.AnswersAsync(mesh, played.Task)));
        Assert.NotEmpty(agents.SelectMany(pid => Remains.Find(word, Remains.Process(pid))));

        foreach (var secret in (Canary[])[mesh.Secret, mesh.OtherSecret, new(Mesh.TestKit.RefundShop.PaymentsToken)])
        {
            Assert.Empty(await Remains.FindAsync(secret, remains.RowsAsync()));
            Assert.Empty(await Remains.FindAsync(secret, remains.FilesAsync()));
            Assert.Empty(await Remains.FindAsync(secret, Remains.AnswersAsync(mesh, played.Task)));
            Assert.Empty(agents.SelectMany(pid => Remains.Find(secret, Remains.Process(pid))));
        }
    }

    [Fact]
    public async Task An_agent_is_told_nothing_of_its_runner_by_its_environment_its_command_line_or_its_folder()
    {
        var played = await EchoAsync(NewWord());
        var surroundings = played.Result.GetProperty("surroundings");

        var names = surroundings.GetProperty("environment").EnumerateArray().Select(variable => variable.GetString()!.Split('=')[0]).Order(StringComparer.Ordinal);
        Assert.DoesNotContain(names, name => name.StartsWith("MESH_", StringComparison.Ordinal) && name != "MESH_SOCKET_FD");
        Assert.DoesNotContain(mesh.Node.Data + "/keys", surroundings.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(
            ["ScriptedAgent.dll", "ScriptedAgent.deps.json", "ScriptedAgent.runtimeconfig.json"],
            surroundings.GetProperty("files").EnumerateArray().Select(file => Path.GetFileName(file.GetString()!)).Order(StringComparer.Ordinal).ToHashSet());
    }

    private static Canary NewWord() => new($"word~{Convert.ToHexStringLower(Guid.NewGuid().ToByteArray())}+/=%&");

    private Task<Played> EchoAsync(Canary word) =>
        mesh.PlayAsync(RefundMesh.Acme, [.. Mirrors.Select((tool, position) => ScriptedCall.Tool(tool, new { word = word.Value }, position))]);
}
