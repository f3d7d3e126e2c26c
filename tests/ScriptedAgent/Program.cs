// An agent that obeys its task's input to the letter, whatever it asks for. It speaks the agent protocol as
// proto/mesh/agent/v1 describes it, in plain HTTP/1.1 and JSON on descriptor 3, and uses nothing of Mesh.
//
//   {"calls": [{"path": "/v1/work:call", "body": "{\"claim\": \"$claim\", …}", "tries": 1, "pad": 0}]}
//
// $claim and $pad are replaced in the text of a body; a call is repeated up to `tries` times while it is refused. The
// task's result is what came back, and everything that the agent knows of its own surroundings.
using ScriptedAgent;

using var mesh = new AgentSocket();

while (await mesh.PollAsync() is { } work)
{
    foreach (var item in work)
    {
        await new Performance(mesh, item!).PlayAsync();
    }
}
