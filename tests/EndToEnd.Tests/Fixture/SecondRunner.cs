using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Fixture;

/// <summary>Another tool runner with an agent of its own, played by the test: it has the pool's certificate and speaks to the orchestrator.</summary>
public sealed class SecondRunner : IDisposable
{
    private readonly X509Certificate2 certificate;
    private readonly GrpcChannel channel;
    private readonly AgentIdentity agent;

    public SecondRunner(RefundMesh mesh, string tenant, string workflowVersion)
    {
        var keys = Path.Combine(mesh.Node.Data, "keys", "toolrunner");
        certificate = X509Certificate2.CreateFromPemFile(Path.Combine(keys, "tls.crt"), Path.Combine(keys, "tls.key"));
        var port = new Uri(mesh.Node.ReadRun().Http).Port + 11;
        channel = PlainChannel.Open($"https://127.0.0.1:{port}", new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls13,
            ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
            RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
        });
        Work = new WorkService.WorkServiceClient(channel);
        agent = new AgentIdentity { Tenant = tenant, Workflow = "refund-request", WorkflowVersion = workflowVersion, Instance = $"second-{Guid.NewGuid():N}" };
    }

    public WorkService.WorkServiceClient Work { get; }

    public string Instance => agent.Instance;

    /// <summary>Asks for work until this task is handed out to it.</summary>
    public async Task<WorkItem> TakeAsync(string task, TimeSpan within)
    {
        var until = DateTime.UtcNow + within;

        while (DateTime.UtcNow < until)
        {
            var answer = await Work.PollWorkAsync(
                new PollWorkRequest { Agent = agent, Worker = "second", ItemsMax = 1, Wait = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)) },
                deadline: DateTime.UtcNow.AddSeconds(30));

            if (answer.Items.FirstOrDefault(item => item.TaskId == task) is { } mine)
            {
                return mine;
            }
        }

        throw new TimeoutException($"The task {task} was not handed out to the second runner within {within}.");
    }

    public AsyncUnaryCall<CallToolResponse> CallAsync(string claim, string step, int position, string tool, string arguments) => Work.CallToolAsync(
        new CallToolRequest { Agent = agent, Claim = claim, StepKey = step, Position = position, Tool = tool, Arguments = ByteString.CopyFromUtf8(arguments) },
        deadline: DateTime.UtcNow.AddSeconds(60));

    public AsyncUnaryCall<RecordStepResponse> RecordAsync(string claim, string step, int position, string value) => Work.RecordStepAsync(
        new RecordStepRequest { Agent = agent, Claim = claim, StepKey = step, Position = position, Value = ByteString.CopyFromUtf8(value) },
        deadline: DateTime.UtcNow.AddSeconds(30));

    public AsyncUnaryCall<FinishWorkResponse> FinishAsync(string claim, string result) => Work.FinishWorkAsync(
        new FinishWorkRequest { Agent = agent, Claim = claim, Completed = ByteString.CopyFromUtf8(result) }, deadline: DateTime.UtcNow.AddSeconds(30));

    public async Task<ClaimStatus.Types.State> ExtendAsync(string claim) =>
        (await Work.ExtendClaimAsync(new ExtendClaimRequest { Agent = agent, Claims = { claim } }, deadline: DateTime.UtcNow.AddSeconds(30))).Claims[0].State;

    public void Dispose()
    {
        channel.Dispose();
        certificate.Dispose();
    }
}
