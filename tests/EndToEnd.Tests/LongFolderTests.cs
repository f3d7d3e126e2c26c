using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;

namespace EndToEnd.Tests;

public sealed class LongFolderTests(LongFolderMesh mesh) : IClassFixture<LongFolderMesh>
{
    [Fact]
    public async Task An_agent_works_in_a_folder_whose_path_is_too_long_for_a_socket()
    {
        Assert.Equal(120, mesh.Node.Data.Length);

        var id = await mesh.StartTaskAsync(await mesh.OfferOrderAsync());

        Assert.Equal(TaskState.Completed, (await mesh.RestAsync(id)).State);
    }
}
