using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Mesh.Cli;
using Mesh.Cli.Output;

namespace Cli.Tests.Output;

public sealed class ProblemTests
{
    [Theory]
    [InlineData(StatusCode.Unauthenticated, ExitCodes.NotAllowed)]
    [InlineData(StatusCode.PermissionDenied, ExitCodes.NotAllowed)]
    [InlineData(StatusCode.NotFound, ExitCodes.NotFound)]
    [InlineData(StatusCode.AlreadyExists, ExitCodes.Conflict)]
    [InlineData(StatusCode.Aborted, ExitCodes.Conflict)]
    [InlineData(StatusCode.FailedPrecondition, ExitCodes.Conflict)]
    [InlineData(StatusCode.Unavailable, ExitCodes.NotReachable)]
    [InlineData(StatusCode.DeadlineExceeded, ExitCodes.TimedOut)]
    [InlineData(StatusCode.Cancelled, ExitCodes.Interrupted)]
    [InlineData(StatusCode.InvalidArgument, ExitCodes.Error)]
    [InlineData(StatusCode.Internal, ExitCodes.Error)]
    public void A_status_of_the_mesh_has_its_exit_code(StatusCode code, int exitCode) =>
        Assert.Equal(exitCode, Problem.Of(new RpcException(new Grpc.Core.Status(code, "no"))).ExitCode);

    [Fact]
    public void A_service_that_says_a_peer_is_unavailable_was_itself_reached() =>
        Assert.Equal(ExitCodes.Error, Problem.Of(Refusal(Code.Unavailable, "POLICY_UNAVAILABLE")).ExitCode);

    [Fact]
    public void As_json_a_refusal_is_one_object_with_everything_that_the_mesh_said()
    {
        using var to = new StringWriter();

        (Problem.Of(Refusal(Code.NotFound, "TASK_NOT_FOUND")) with { TraceId = "4bf92f3577b34da6a3ce929d0e0e4736" }).Write(to, asJson: true);

        using var json = JsonDocument.Parse(to.ToString());
        var said = json.RootElement;
        Assert.Equal("NOT_FOUND", said.GetProperty("code").GetString());
        Assert.Equal("TASK_NOT_FOUND", said.GetProperty("reason").GetString());
        Assert.Equal("mesh", said.GetProperty("domain").GetString());
        Assert.Equal("There is none.", said.GetProperty("message").GetString());
        Assert.Equal("17", said.GetProperty("metadata").GetProperty("task").GetString());
        Assert.Equal("r-1", said.GetProperty("requestId").GetString());
        Assert.Equal("4bf92f3577b34da6a3ce929d0e0e4736", said.GetProperty("traceId").GetString());
        Assert.Equal("task_id", said.GetProperty("violations")[0].GetProperty("field").GetString());
    }

    [Fact]
    public void For_a_person_a_refusal_is_its_reason_its_message_and_the_fields()
    {
        using var to = new StringWriter();

        Problem.Of(Refusal(Code.NotFound, "TASK_NOT_FOUND")).Write(to, asJson: false);

        Assert.Equal(["mesh: TASK_NOT_FOUND: There is none.", "  task_id: not a UUID", "  request r-1"], to.ToString().TrimEnd().Split(Environment.NewLine));
    }

    private static RpcException Refusal(Code code, string reason)
    {
        var status = new Google.Rpc.Status
        {
            Code = (int)code,
            Message = "There is none.",
            Details =
            {
                Any.Pack(new ErrorInfo { Domain = "mesh", Reason = reason, Metadata = { ["task"] = "17" } }),
                Any.Pack(new BadRequest { FieldViolations = { new BadRequest.Types.FieldViolation { Field = "task_id", Description = "not a UUID" } } }),
                Any.Pack(new RequestInfo { RequestId = "r-1" }),
            },
        };
        return status.ToRpcException();
    }
}
