using Google.Protobuf.WellKnownTypes;
using Mesh.Cli.Tasks;
using Mesh.Orchestrator.V1;

namespace Cli.Tests.Tasks;

public sealed class TimelineDrawingTests
{
    [Fact]
    public void A_run_that_goes_through_is_drawn_in_the_eight_names()
    {
        var timeline = Timeline(
            TaskState.Completed,
            100,
            0,
            Row("ingress", "webhook shop", "HMAC verified", 0, 4),
            Row("policy.eval", "mesh.start", "1 rule, permit", 4, 6),
            Row("orchestrator", "task", "accepted", 10, 10),
            Row("state.store", "checkpoint #1", "durable", 20, 10),
            Row("agent.dispatch", "refund-request", "completed", 30, 70),
            Row("secrets.lease", "payments", "1 use, 60 s", 40, 5),
            Row("tool.call", "payments.refund", "200 OK", 45, 50),
            Row("audit.log", "intent", "#48213", 99.5, 0.5));

        Assert.Equal(
            """
             ingress        webhook shop     HMAC verified   |#                                       |      4.0
             policy.eval    mesh.start       1 rule, permit  | ###                                    |      6.0
             orchestrator   task             accepted        |    ####                                |       10
             state.store    checkpoint #1    durable         |        ####                            |       10
             agent.dispatch refund-request   completed       |            ############################|       70
             secrets.lease  payments         1 use, 60 s     |                ##                      |      5.0
             tool.call      payments.refund  200 OK          |                  ####################  |       50
             audit.log      intent           #48213          |                                       #|      0.5
                                                              0 ms                              100 ms
            """,
            Body(timeline));
    }

    [Fact]
    public void Waiting_is_told_apart_from_work_and_a_long_wait_is_cut_out()
    {
        var day = TimeSpan.FromHours(28).TotalMilliseconds;
        var timeline = Timeline(
            TaskState.Completed,
            day + 200,
            day,
            Row("policy.eval", "refund", "held", 0, 100),
            Row("orchestrator", "approval", "approved", 100, day, waiting: true),
            Row("tool.call", "refund", "200 OK", day + 100, 100));

        var lines = Draw(timeline).Split(Environment.NewLine);

        Assert.EndsWith("200 ms work · 1 d 4 h waiting", lines[0], StringComparison.Ordinal);
        Assert.Contains("|##################//                    |", lines[1], StringComparison.Ordinal);
        Assert.Contains("|                  //·                   |", lines[2], StringComparison.Ordinal);
        Assert.Contains("|                  // ###################|", lines[3], StringComparison.Ordinal);
        Assert.Contains("// 1 d 4 h in which nothing was done", lines[5], StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_run_shows_the_rows_that_it_reached_and_how_it_ended()
    {
        var drawn = Draw(Timeline(TaskState.Denied, 5, 0, Row("ingress", "api", "ok", 0, 2), Row("policy.eval", "refund", "never-above, deny", 2, 3)));

        Assert.Contains("attempt 1 · denied", drawn, StringComparison.Ordinal);
        Assert.Contains("never-above, deny", drawn, StringComparison.Ordinal);
        Assert.DoesNotContain("tool.call", drawn, StringComparison.Ordinal);
    }

    [Fact]
    public void What_takes_no_time_is_a_diamond_and_what_takes_little_is_not_invisible()
    {
        var lines = Draw(Timeline(TaskState.Completed, 10_000, 0, Row("audit.log", "a", "b", 10_000, 0), Row("tool.call", "a", "b", 0, 10_000), Row("ingress", "a", "b", 5_000, 0.001)))
            .Split(Environment.NewLine);

        Assert.Contains("◆|        0", lines[1], StringComparison.Ordinal);
        Assert.Contains(" # ", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_attempt_is_announced()
    {
        var again = Row("agent.dispatch", "a", "completed", 5, 5);
        again.Attempt = 2;

        var lines = Draw(Timeline(TaskState.Completed, 10, 0, Row("agent.dispatch", "a", "agent lost", 0, 5), again)).Split(Environment.NewLine);

        Assert.Equal(" attempt 2", lines[2]);
    }

    [Fact]
    public void An_id_is_shown_short() =>
        Assert.Contains(" approval:5a1b2c3d ", Draw(Timeline(TaskState.Completed, 10, 0, Row("orchestrator", "approval:0193a1b2-0000-7000-8000-00005a1b2c3d", "x", 0, 10))), StringComparison.Ordinal);

    [Fact]
    public void Text_of_others_cannot_break_the_drawing_or_speak_to_the_terminal()
    {
        var drawn = Draw(Timeline(TaskState.Completed, 10, 0, Row("tool.call", "a\n\u001b[2Jb", new string('x', 300), 0, 10)));

        Assert.DoesNotContain('\u001b', drawn);
        Assert.All(drawn.Split(Environment.NewLine), line => Assert.True(line.Length <= 140));
    }

    [Fact]
    public void A_task_without_rows_is_its_header()
    {
        var drawn = Draw(Timeline(TaskState.Ready, 0, 0));

        Assert.Contains("ready", drawn, StringComparison.Ordinal);
        Assert.Single(drawn.Trim().Split(Environment.NewLine));
    }

    private static TimelineRow Row(string name, string subject, string outcome, double offset, double duration, bool waiting = false) => new()
    {
        Name = name,
        Subject = subject,
        Outcome = outcome,
        Offset = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(offset)),
        Duration = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(duration)),
        Waiting = waiting,
        Attempt = 1,
    };

    private static GetTaskTimelineResponse Timeline(TaskState state, double total, double waiting, params TimelineRow[] rows) => new()
    {
        Task = new AgentTask { Id = "0193a1b2-0000-7000-8000-00005a1b2c3d", Workflow = "refund-request", State = state, Attempt = 1 },
        Rows = { rows },
        Total = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(total)),
        Waiting = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(waiting)),
    };

    private static string Draw(GetTaskTimelineResponse timeline)
    {
        using var to = new StringWriter();
        TimelineDrawing.Write(to, timeline);
        return to.ToString();
    }

    private static string Body(GetTaskTimelineResponse timeline)
    {
        var drawn = Draw(timeline);
        return drawn[(drawn.IndexOf(Environment.NewLine, StringComparison.Ordinal) + Environment.NewLine.Length)..].TrimEnd();
    }
}
