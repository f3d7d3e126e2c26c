using System.Text.Json;
using EndToEnd.Tests.Commands;
using EndToEnd.Tests.Fixture;
using Grpc.Core;
using Mesh.Bus.V1;
using Mesh.Errors.V1;
using Mesh.Facts.V1;
using Mesh.ServiceHost;
using Mesh.TestKit;

namespace EndToEnd.Tests.Buses;

/// <summary>What an operator does with a message that audit cannot read, on whichever bus it came.</summary>
internal static class DeadLetterStory
{
    /// <summary>Not a message of this type, nor of any other.</summary>
    public static readonly byte[] Garbage = [0xff, 0xff, 0xff, 0xff, 0x01];

    public static string Type => TaskFactBatch.Descriptor.FullName;

    public static async Task PlayAsync(RefundMesh mesh, Cli cli, Func<Guid, Task> send)
    {
        var id = Guid.CreateVersion7();
        await send(id);

        await Eventually.Async(async () => Find(await cli.JsonAsync("dead-letter list"), id) is not null, TimeSpan.FromSeconds(60));
        var listed = Find(await cli.JsonAsync("dead-letter list"), id)!.Value;
        Assert.Equal(("audit", "acme", Type), (Text(listed, "consumer"), Text(listed, "tenant"), Text(listed, "type")));
        Assert.Equal(1, listed.GetProperty("attempts").GetInt32());
        Assert.NotEmpty(Text(listed, "error"));
        Assert.Null(Find(await cli.JsonAsync("dead-letter list --consumer policy"), id));

        var shown = await cli.JsonAsync($"dead-letter show audit {id}");
        Assert.Equal(Convert.ToBase64String(Garbage), Text(shown, "body"));

        await AssertNobodyElseMayAsync(mesh, id);
        await cli.RefusedAsync($"dead-letter show policy {id}", 5);
        await cli.RefusedAsync($"dead-letter show vault {id}", 2);
        await cli.RefusedAsync($"dead-letter discard audit {id}", 2);

        // Nothing has made it readable, so it is parked again.
        await cli.JsonAsync($"dead-letter retry audit {id}");
        await Eventually.Async(async () => Find(await cli.JsonAsync("dead-letter list --consumer audit"), id) is not null, TimeSpan.FromSeconds(60));

        await cli.JsonAsync($"dead-letter discard audit {id} --yes");
        Assert.Null(Find(await cli.JsonAsync("dead-letter list"), id));
        await cli.RefusedAsync($"dead-letter discard audit {id} --yes", 5);
    }

    // An operator of one tenant: what is parked is everybody's.
    private static async Task AssertNobodyElseMayAsync(RefundMesh mesh, Guid id)
    {
        using var person = await mesh.PersonAsync("otto", RefundMesh.Acme, ["operator", "auditor"]);
        var request = new DiscardDeadLetterRequest { Consumer = "audit", MessageId = id.ToString() };

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await person.DeadLetters.DiscardDeadLetterAsync(request));
        Assert.Equal(Reason.PermissionDenied, RpcFailure.Read(refused).Reason);
    }

    private static JsonElement? Find(JsonElement list, Guid id) =>
        list.EnumerateArray().Where(one => Text(one, "messageId") == id.ToString()).Select(one => (JsonElement?)one).SingleOrDefault();

    private static string Text(JsonElement one, string name) => one.GetProperty(name).GetString()!;
}
