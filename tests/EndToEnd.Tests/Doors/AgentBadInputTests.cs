using EndToEnd.Tests.Fixture;

namespace EndToEnd.Tests.Doors;

/// <summary>An agent sends what the protocol forbids: it is told so, its task goes on, and no tool sees any of it.</summary>
[Collection(nameof(Together))]
public sealed class AgentBadInputTests(AttackedMesh mesh)
{
    private const string Call = "/v1/work:call";
    private const string Record = "/v1/work:record";

    private static readonly (string What, ScriptedCall Request, string Reason, string Place)[] Requests =
    [
        ("no JSON", new(Call, """{"claim":"$claim","""), "JSON_REFUSED", ""),
        ("a key twice", new(Call, """{"claim":"$claim","claim":"$claim"}"""), "JSON_REFUSED", "/claim"),
        ("arguments that are too deep", new(Call, Tool("mirror.raw", $$"""{"a":{{new string('[', 40)}}{{new string(']', 40)}}}""")), "JSON_REFUSED", "/arguments"),
        ("a number that a double would change", new(Call, Tool("mirror.raw", """{"n":9007199254740993}""")), "JSON_REFUSED", "/arguments/n"),
        ("arguments without what the schema requires", new(Call, Tool("payments.refund", """{"order":"1001"}""")), "SCHEMA_MISMATCH", "arguments"),
        ("arguments of a wrong type", new(Call, Tool("payments.refund", """{"order":"1001","amount_minor":"12","currency":"EUR"}""")), "SCHEMA_MISMATCH", "arguments/amount_minor"),
        ("arguments of a wrong value", new(Call, Tool("payments.refund", """{"order":"1001","amount_minor":0,"currency":"EUR"}""")), "SCHEMA_MISMATCH", "arguments/amount_minor"),
        ("an argument that the tool does not know", new(Call, Tool("payments.refund", """{"order":"1001","amount_minor":1,"currency":"EUR","class":"read"}""")), "SCHEMA_MISMATCH", "arguments/class"),
        ("an unknown tool", new(Call, Tool("no.such", "{}")), "TOOL_NOT_GRANTED", "tool"),
        ("another tenant's tool", new(Call, Tool("safe.open", "{}")), "TOOL_NOT_GRANTED", "tool"),
        ("the tool that only policy knows", new(Call, Tool("mesh.start", "{}")), "TOOL_NOT_GRANTED", "tool"),
        ("arguments above their limit", new(Call, Tool("mirror.raw", """{"s":"$pad"}"""), Pad: 256 * 1024), "PAYLOAD_TOO_LARGE", "262144"),
        ("a value above its limit", new(Record, """{"claim":"$claim","stepKey":"big#0","position":0,"value":"$pad"}""", Pad: 256 * 1024), "PAYLOAD_TOO_LARGE", "262144"),
        ("a step key without its number", new(Record, """{"claim":"$claim","stepKey":"step","position":0,"value":1}"""), "STEP_KEY_INVALID", "step_key"),
        ("a step key with a second spelling", new(Record, """{"claim":"$claim","stepKey":"step#007","position":0,"value":1}"""), "STEP_KEY_INVALID", "step_key"),
        ("a step key of other characters", new(Record, """{"claim":"$claim","stepKey":"st\u0000ep#0","position":0,"value":1}"""), "STEP_KEY_INVALID", "step_key"),
        ("a step key that is too long", new(Record, $$"""{"claim":"$claim","stepKey":"{{new string('x', 127)}}#0","position":0,"value":1}"""), "STEP_KEY_INVALID", "step_key"),
        ("a negative position", new(Record, """{"claim":"$claim","stepKey":"step#0","position":-1,"value":1}"""), "STEP_KEY_INVALID", "position"),
        ("a position of letters", new(Record, """{"claim":"$claim","stepKey":"step#0","position":"first","value":1}"""), "INVALID_ARGUMENT", "position"),
        ("a position between two", new(Record, """{"claim":"$claim","stepKey":"step#0","position":1.5,"value":1}"""), "INVALID_ARGUMENT", "position"),
        ("a position of more bits than there are", new(Record, """{"claim":"$claim","stepKey":"step#0","position":2147483648,"value":1}"""), "INVALID_ARGUMENT", "position"),
        ("a field that there is not", new(Record, """{"claim":"$claim","stepKey":"step#0","position":0,"valu":1}"""), "INVALID_ARGUMENT", "valu"),
        ("a field in both of its spellings", new(Record, """{"claim":"$claim","stepKey":"step#0","step_key":"step#1","position":0,"value":1}"""), "INVALID_ARGUMENT", "step_key"),
        ("a claim that is a number", new(Record, """{"claim":7,"stepKey":"step#0","position":0,"value":1}"""), "INVALID_ARGUMENT", "claim"),
        ("a request that is a list", new(Record, """["$claim"]"""), "INVALID_ARGUMENT", "body"),
        ("claims that are no list", new("/v1/work:extend", """{"claims":"$claim"}"""), "INVALID_ARGUMENT", "claims"),
        ("a claim that is none in a list", new("/v1/work:extend", """{"claims":["$claim",null]}"""), "INVALID_ARGUMENT", "claims[1]"),
        ("no claim", new(Record, """{"stepKey":"step#0","position":0,"value":1}"""), "INVALID_ARGUMENT", "claim"),
        ("a claim of one's own", new(Record, """{"claim":"mcl_nonsense","stepKey":"step#0","position":0,"value":1}"""), "INVALID_ARGUMENT", "claim"),
        ("an end that is none", new("/v1/work:finish", """{"claim":"$claim"}"""), "INVALID_ARGUMENT", "outcome"),
        ("a failure whose reason is a text", new("/v1/work:finish", """{"claim":"$claim","failed":{"reason":"it\u0000 broke","message":"so"}}"""), "INVALID_ARGUMENT", "failed.reason"),
        ("a failure with a field that there is not", new("/v1/work:finish", """{"claim":"$claim","failed":{"reason":"BROKEN","messag":"so"}}"""), "INVALID_ARGUMENT", "failed.messag"),
        ("two ends at once", new("/v1/work:finish", """{"claim":"$claim","failed":{"reason":"BROKEN"},"completed":{"result":1}}"""), "INVALID_ARGUMENT", "completed"),
        ("a branch that asked for no number of steps", new("/v1/work:finish", """{"claim":"$claim","completed":{"result":1},"positions":{"left":"many"}}"""), "INVALID_ARGUMENT", "positions.left"),
        ("a branch that asked for nothing at all", new("/v1/work:finish", """{"claim":"$claim","completed":{"result":1},"positions":{"left":null}}"""), "INVALID_ARGUMENT", "positions.left"),
        ("to wait for nothing that is known", new("/v1/work:finish", """{"claim":"$claim","waitsOn":"godot"}"""), "INVALID_ARGUMENT", "waits_on"),
        ("a result above its limit", new("/v1/work:finish", """{"claim":"$claim","completed":{"result":"$pad"}}""", Pad: 256 * 1024), "PAYLOAD_TOO_LARGE", "262144"),
        ("a worker with a long name", new("/v1/work:poll", $$"""{"worker":"{{new string('w', 65)}}","itemsMax":1,"wait":"0s"}"""), "INVALID_ARGUMENT", "worker"),
        ("too many items at once", new("/v1/work:poll", """{"worker":"w","itemsMax":101,"wait":"0s"}"""), "INVALID_ARGUMENT", "items_max"),
        ("a wait that is no duration", new("/v1/work:poll", """{"worker":"w","itemsMax":1,"wait":"soon"}"""), "INVALID_ARGUMENT", "wait"),
        ("a wait that began ten thousand years ago", new("/v1/work:poll", """{"worker":"w","itemsMax":1,"wait":"-315576000000s"}"""), "INVALID_ARGUMENT", "wait"),
        ("an unknown path", new("/v1/work:steal", "{}"), "UNSUPPORTED", ""),
        ("the API of people", new("/v1/tenants/acme/tasks", """{"workflow":"probe"}"""), "UNSUPPORTED", ""),
    ];

    [Fact]
    public async Task Every_malformed_request_is_refused_with_its_reason_and_its_place_is_counted_and_the_task_goes_on()
    {
        var requests = await mesh.WholeLogAsync();
        var counted = await CountedAsync();

        var played = await mesh.PlayAsync(RefundMesh.Acme, [.. Requests.Select(each => each.Request), ScriptedCall.Tool("mirror.raw", new { }, 0)]);

        var wrong = new List<string>();

        foreach (var ((what, _, reason, place), answer) in Requests.Zip(played.Answers))
        {
            var places = answer.Fields.Select(field => field.Field).Append(answer.Metadata("path")).Append(answer.Metadata("limit_bytes"));

            if (answer.Reason != reason || !places.Append("").Any(each => each.StartsWith(place, StringComparison.Ordinal)))
            {
                wrong.Add($"{what}: wanted {reason} at '{place}', got {answer.Status} {answer.Text}");
            }
        }

        foreach (var (reason, count) in await CountedAsync())
        {
            if (count - counted[reason] < Requests.Count(each => each.Reason == reason))
            {
                wrong.Add($"{reason}: {count - counted[reason]} of {Requests.Count(each => each.Reason == reason)} were counted");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(200, played.Answers[^1].Status);
        Assert.Equal(requests.Requests.Count, (await mesh.WholeLogAsync()).Requests.Count);
        Assert.Equal(["mirror.raw#0"], (await mesh.EventsAsync(played.Task)).Select(entry => entry.Step).Where(step => step.Length > 0).Distinct());
    }

    [Fact]
    public async Task A_failure_that_says_what_no_store_keeps_still_ends_the_task()
    {
        var task = await AttackedMesh.BeginAsync(mesh.Olga, RefundMesh.Acme, new ScriptedCall("/v1/work:finish", """{"claim":"$claim","failed":{"reason":"BROKEN","message":"a\u0000b"}}"""));

        var ended = await mesh.RestAsync(task);

        Assert.Equal(("BROKEN", "ab"), (ended.Reason, ended.Message));
    }

    private async Task<IReadOnlyDictionary<string, long>> CountedAsync()
    {
        var counts = new Dictionary<string, long>();

        foreach (var reason in Requests.Select(each => each.Reason).Distinct())
        {
            counts[reason] = await mesh.RefusalsAsync(reason);
        }

        return counts;
    }

    private static string Tool(string tool, string arguments) => $$"""{"claim":"$claim","stepKey":"{{tool}}#0","position":0,"tool":"{{tool}}","arguments":{{arguments}}}""";
}
