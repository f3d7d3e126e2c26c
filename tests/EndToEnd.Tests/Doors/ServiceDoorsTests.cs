using EndToEnd.Tests.Fixture;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Mesh.ServiceHost;
using Mesh.TestKit;

namespace EndToEnd.Tests.Doors;

/// <summary>Somebody on the machine, or with one stolen certificate, knocks at every method of every service.</summary>
[Collection(nameof(Together))]
public sealed class ServiceDoorsTests(AttackedMesh mesh)
{
    private static readonly string[] Services = ["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner"];

    [Fact]
    public async Task Without_a_certificate_no_method_of_any_service_answers()
    {
        using var nobody = PeerCaller.WithoutCertificate(mesh.Node);

        await AssertNoConnectionAsync(nobody);
    }

    [Fact]
    public async Task With_the_right_name_from_a_foreign_authority_no_method_of_any_service_answers()
    {
        using var folder = new OpenFolder();
        Strangers.Forge(folder.Path, "orchestrator", "mesh.local");
        using var stranger = PeerCaller.Of(mesh.Node, folder.Path, "orchestrator");

        await AssertNoConnectionAsync(stranger);
    }

    [Fact]
    public async Task With_another_services_certificate_every_method_answers_CALLER_NOT_ALLOWED()
    {
        foreach (var caller in Services)
        {
            var peer = mesh.As(caller);

            foreach (var (method, owner) in Everything().Where(each => !CallerTable.Allows(PublicContract.PathOf(each.Method), caller)))
            {
                var refusal = await AnswerAsync(peer, owner, method);

                Assert.True(refusal is not null && Refusal.ReasonOf(refusal) == "CALLER_NOT_ALLOWED", $"{caller} at {owner}{PublicContract.PathOf(method)}: {refusal?.Status.ToString() ?? "answered"}");
            }
        }
    }

    [Fact]
    public async Task A_method_that_is_in_no_contract_is_for_nobody()
    {
        var known = PublicContract.Methods.Single(method => method.FullName == "mesh.vault.v1.LeaseService.RedeemLease");

        // Served by another service, asked for with a certificate that may call it there.
        var refusal = await PublicContract.CallAsync(mesh.As("toolrunner").To("audit"), known, []);

        Assert.Equal("CALLER_NOT_ALLOWED", Refusal.ReasonOf(refusal!));
    }

    private static IEnumerable<(MethodDescriptor Method, string Owner)> Everything() =>
        PublicContract.Methods.SelectMany(method => PublicContract.OwnersOf(method).Select(owner => (method, owner)));

    // A connection that broke on the way is no answer: on a busy machine the service is asked again.
    private static async Task<RpcException?> AnswerAsync(PeerCaller peer, string owner, MethodDescriptor method)
    {
        var refusal = await PublicContract.CallAsync(peer.To(owner), method, []);

        for (var left = 3; left > 0 && refusal is { StatusCode: StatusCode.Unavailable, Status.DebugException: not null }; left--)
        {
            refusal = await PublicContract.CallAsync(peer.To(owner), method, []);
        }

        return refusal;
    }

    private static async Task AssertNoConnectionAsync(PeerCaller caller)
    {
        foreach (var (method, owner) in Everything())
        {
            var refusal = await PublicContract.CallAsync(caller.To(owner), method, []);

            // Not a word of the service's: the connection itself was refused.
            Assert.True(refusal is { Status.DebugException: not null } && refusal.Trailers.Count == 0, $"{owner}{PublicContract.PathOf(method)}: {refusal?.Status.ToString() ?? "answered"}");
        }
    }
}
