using System.Globalization;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Orchestrator.Intake;

/// <summary>Reads tasks for people: by id or its last digits, in pages, with payloads.</summary>
internal sealed class TaskReader(JournalStore journal)
{
    private const int ShortIdDigits = 8;
    private const int EntriesPage = 500;

    internal const string List =
        $"""
        select {TaskRows.Columns} from orchestrator.task t
        where t.tenant_id = $1 and ($2 = '' or t.workflow = $2) and (cardinality($3) = 0 or t.state = any($3))
          and (t.created_at, t.id) < ($4, $5)
        order by t.created_at desc, t.id desc limit $6
        """;

    // As the index has it.
    internal const string FindShort =
        $"select {TaskRows.Columns} from orchestrator.task t where t.tenant_id = $1 and right(t.id::text, 8) = $2 limit 2";

    /// <summary>A task's key from its id or the last digits of it. That there is such a task is known only of digits.</summary>
    public async Task<TaskKey> KeyOfAsync(string tenant, string taskId, CancellationToken stop) =>
        Guid.TryParseExact(taskId, "D", out var id) ? new TaskKey(tenant, id) : (await FindShortAsync(tenant, taskId, stop)).Key;

    public async Task<TaskRow> RequireAsync(string tenant, string taskId, CancellationToken stop) => Guid.TryParseExact(taskId, "D", out var id)
        ? await journal.ReadTaskAsync(new TaskKey(tenant, id), stop) ?? throw NotFound(tenant, taskId)
        : await FindShortAsync(tenant, taskId, stop);

    /// <summary>A task with the ends of its journal, for <see cref="WithPayloads(TaskRow, IReadOnlyList{JournalEntry})"/>.</summary>
    public async Task<(TaskRow Task, IReadOnlyList<JournalEntry> Ends)> RequireWithEndsAsync(TaskKey key, CancellationToken stop)
    {
        var (task, ends) = await journal.ReadWithPayloadsAsync(key, stop);

        return (task ?? throw NotFound(key.Tenant, key.Id.ToString("D")), ends);
    }

    /// <summary>The task with its input and, once it completed, its result.</summary>
    public static V1.AgentTask WithPayloads(TaskRow task, IReadOnlyList<JournalEntry> ends) =>
        WithPayloads(task, ends, ends.Select(entry => entry.Fact).OfType<TaskFinished>().LastOrDefault());

    /// <summary>The same of a task that has ended since the ends of its journal were read.</summary>
    public static V1.AgentTask WithPayloads(TaskRow task, IReadOnlyList<JournalEntry> ends, TaskFinished? end)
    {
        var wire = Wire.Write(task);

        if (ends is [{ Fact: TaskSubmitted submitted }, ..])
        {
            wire.Input = JsonValues.Read(submitted.Input);
        }

        if (end is { Outcome: TaskOutcome.Completed })
        {
            wire.Result = JsonValues.Read(end.Result);
        }

        return wire;
    }

    public async Task<V1.ListTasksResponse> ListAsync(V1.ListTasksRequest request, CancellationToken stop)
    {
        var size = PageSize.Read(request.PageSize, 50, 1_000);
        var (before, beforeId) = ReadToken(request.PageToken);
        await using var command = journal.Command(
            List,
            request.Tenant,
            request.Workflow,
            new NpgsqlParameter { Value = request.States.Select(s => (short)s).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Smallint },
            before,
            beforeId,
            size);
        await using var rows = await command.ExecuteReaderAsync(stop);
        var tasks = new List<TaskRow>();

        while (await rows.ReadAsync(stop))
        {
            tasks.Add(TaskRows.Read(rows));
        }

        return new V1.ListTasksResponse
        {
            Tasks = { tasks.Select(Wire.Write) },
            NextPageToken = tasks.Count == size ? WriteToken(tasks[^1]) : "",
        };
    }

    public Task<IReadOnlyList<JournalEntry>> EntriesAsync(TaskKey task, long after, int size, CancellationToken stop) =>
        journal.ReadEntriesAsync(task, after, size, stop);

    public async Task<IReadOnlyList<JournalEntry>> AllEntriesAsync(TaskKey task, CancellationToken stop)
    {
        var all = new List<JournalEntry>();

        while (true)
        {
            var page = await journal.ReadEntriesAsync(task, all.Count == 0 ? 0 : all[^1].Seq, EntriesPage, stop);
            all.AddRange(page);

            if (page.Count < EntriesPage)
            {
                return all;
            }
        }
    }

    private async Task<TaskRow> FindShortAsync(string tenant, string digits, CancellationToken stop)
    {
        if (digits.Length != ShortIdDigits || !digits.All(char.IsAsciiHexDigitLower))
        {
            throw Refusals.Invalid("task_id", $"must be a task's id, or the last {ShortIdDigits} digits of one");
        }

        await using var command = journal.Command(
            FindShort,
            tenant,
            digits);
        await using var rows = await command.ExecuteReaderAsync(stop);
        TaskRow? found = null;

        while (await rows.ReadAsync(stop))
        {
            found = found is null
                ? TaskRows.Read(rows)
                : throw Refusals.Invalid("task_id", $"{digits} is the end of several ids; give the whole one");
        }

        return found ?? throw NotFound(tenant, digits);
    }

    private static RefusalException NotFound(string tenant, string taskId) =>
        Refusals.NotFound(Reason.TaskNotFound, $"There is no task {Shown(taskId)} in the tenant {tenant}.");

    private static string Shown(string taskId) => taskId.Length <= 40 ? taskId : taskId[..40];

    private static string WriteToken(TaskRow last) =>
        string.Create(CultureInfo.InvariantCulture, $"{last.CreatedAt.UtcTicks}.{last.Key.Id:N}");

    private static (DateTimeOffset Before, Guid BeforeId) ReadToken(string token) => token.Split('.') switch
    {
        [""] => (DateTimeOffset.MaxValue, Guid.Empty),
        [var ticks, var id]
            when long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var at)
            && at <= DateTimeOffset.MaxValue.UtcTicks
            && Guid.TryParseExact(id, "N", out var last) => (new DateTimeOffset(at, TimeSpan.Zero), last),
        _ => throw Refusals.PageTokenInvalid(),
    };
}
