using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Audit.Schema;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using V1 = Mesh.Audit.V1;

namespace Audit.Tests.Intake;

/// <summary>The service as it is run: its own process, mutual TLS, its own login.</summary>
public sealed class EndpointTests(Installation installation) : IClassFixture<Installation>
{
    [Fact]
    public async Task The_running_service_receipts_the_orchestrator_and_refuses_others_and_bad_fields()
    {
        using var keys = TestKeys.Create();
        var ports = FreePorts.Several(2);
        using var service = Start(keys, ports);

        try
        {
            using var health = new HttpClient();
            await Eventually.Async(async () => !service.HasExited && await IsReadyAsync(health, ports[1]));
            using var asOrchestrator = Connect(keys, "orchestrator", ports[0]);
            using var asToolrunner = Connect(keys, "toolrunner", ports[0]);
            using var asIngress = Connect(keys, "ingress", ports[0]);
            var request = Request(keys, Some.Tenant());

            var receipt = await new V1.AppendService.AppendServiceClient(asOrchestrator).AppendIntentAsync(request, cancellationToken: Stop);
            var bad = request.Clone();
            (bad.Tenant, bad.Dispatch) = ("No Name", 0);
            var refused = await RefusalAsync(() => new V1.AppendService.AppendServiceClient(asOrchestrator).AppendIntentAsync(bad, cancellationToken: Stop));
            var lie = request.Clone();
            (lie.Tool, lie.Dispatch) = ("crm.get_order", 2);
            var undecided = await RefusalAsync(() => new V1.AppendService.AppendServiceClient(asOrchestrator).AppendIntentAsync(lie, cancellationToken: Stop));
            var probe = request.Clone();
            probe.Purpose = "probe";
            var announced = await RefusalAsync(() => new V1.AppendService.AppendServiceClient(asOrchestrator).AppendIntentAsync(probe, cancellationToken: Stop));
            var stranger = await RefusalAsync(() => new V1.AppendService.AppendServiceClient(asToolrunner).AppendIntentAsync(request, cancellationToken: Stop));
            var nobody = await RefusalAsync(() => new V1.LogService.LogServiceClient(asIngress).GetCheckpointAsync(
                new V1.GetCheckpointRequest { Tenant = request.Tenant }, cancellationToken: Stop));

            Assert.True(ReceiptTicket.TryVerify(receipt.Receipt.Span, [ReceiptKey(keys)], out var ticket, out _));
            Assert.Equal(($"{TestKeys.Domain}/audit/{request.Tenant}", 0L), (ticket.Origin, ticket.Index));
            Assert.Equal((StatusCode.InvalidArgument, true), (refused.StatusCode, refused.Status.Detail.Contains("dispatch", StringComparison.Ordinal)));
            Assert.Equal(Reason.DecisionInvalid, RpcFailure.Read(undecided).Reason);
            Assert.Equal(Reason.IntentDiffers, RpcFailure.Read(announced).Reason);
            Assert.Equal(StatusCode.PermissionDenied, stranger.StatusCode);
            Assert.Equal(StatusCode.Unauthenticated, nobody.StatusCode);

            // Signed by the running service within a second, without anybody asking for it.
            await using var replica = installation.Open();
            await Eventually.Async(async () => await replica.Proofs.NewestAsync(request.Tenant, Stop) is { Size: 1 });
        }
        finally
        {
            service.Kill();
            await service.WaitForExitAsync(CancellationToken.None);
        }
    }

    private Process Start(TestKeys keys, int[] ports)
    {
        var store = installation.Database.ConnectionFor(AuditDbContext.Service);
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "Mesh.Audit.dll") },
            RedirectStandardInput = true,
            Environment =
            {
                ["MESH_LISTEN"] = $"127.0.0.1:{ports[0]}",
                ["MESH_HEALTH"] = $"127.0.0.1:{ports[1]}",
                ["MESH_KEYS"] = keys.Of("audit"),
                ["MESH_DOMAIN"] = TestKeys.Domain,
                ["MESH_POSTGRES"] = store,
                ["MESH_PEER_POLICY"] = "127.0.0.1:1",
                ["MESH_STOP_ON_STDIN_EOF"] = "true",
                ["MESH_LOG_LEVEL"] = "Error",
            },
        };
        return Process.Start(start)!;
    }

    private static V1.AppendIntentRequest Request(TestKeys keys, string tenant)
    {
        var policy = new TrustStore(keys.Of("policy"), TimeProvider.System, NullLogger<TrustStore>.Instance).Signer(TrustUse.PolicyDecision);
        var intent = Some.Decided(Some.Intent(tenant), decision => decision with { Domain = TestKeys.Domain }, policy);
        return new V1.AppendIntentRequest
        {
            Tenant = tenant,
            Workflow = intent.Workflow,
            TaskId = ByteString.CopyFrom(intent.Task.ToByteArray(bigEndian: true)),
            Step = intent.Step,
            Tool = intent.Tool,
            Classes = { intent.Classes },
            ActionDigest = ByteString.CopyFrom(intent.Action.Hash.ToArray()),
            Dispatch = 1,
            Epoch = 1,
            Purpose = "perform",
            Decision = ByteString.CopyFrom(intent.Decision),
        };
    }

    private static async Task<bool> IsReadyAsync(HttpClient http, int port)
    {
        try
        {
            return (await http.GetAsync(new Uri($"http://127.0.0.1:{port}/readyz"), Stop)).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static GrpcChannel Connect(TestKeys keys, string service, int port)
    {
        var folder = keys.Of(service);
        var own = X509Certificate2.CreateFromPemFile(Path.Combine(folder, "tls.crt"), Path.Combine(folder, "tls.key"));
        return PlainChannel.Open($"https://127.0.0.1:{port}", new SslClientAuthenticationOptions
        {
            ClientCertificates = [own],
            LocalCertificateSelectionCallback = (_, _, _, _, _) => own,
            RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
        });
    }

    private static async Task<RpcException> RefusalAsync<T>(Func<AsyncUnaryCall<T>> call) =>
        await Assert.ThrowsAsync<RpcException>(async () => await call());

    private static NoteVerifier ReceiptKey(TestKeys keys)
    {
        using var trust = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(keys.Of("orchestrator"), "trust.json")));
        var key = trust.RootElement.GetProperty("keys").EnumerateArray().Single(k => k.GetProperty("use").GetString() == "audit-receipt");
        return NoteVerifier.Parse(key.GetProperty("vkey").GetString()!);
    }
}
