using System.Text;
using Google.Protobuf.Reflection;
using Mesh.Agent.V1;
using Mesh.ServiceHost;

namespace Mesh.Toolrunner.Tests.Intake;

public sealed class AgentContractTests
{
    [Theory]
    [InlineData("[]", "body must be an object")]
    [InlineData("""{"claim":"c","valu":1}""", "valu is no field of this request")]
    [InlineData("""{"stepKey":"a#0","step_key":"b#0"}""", "step_key is there twice, in two spellings")]
    [InlineData("""{"claim":["c"]}""", "claim must be a string")]
    [InlineData("""{"position":"abc"}""", "position must be a whole number of 32 bits")]
    [InlineData("""{"position":1.5}""", "position must be a whole number of 32 bits")]
    [InlineData("""{"position":2147483648}""", "position must be a whole number of 32 bits")]
    [InlineData("""{"position":{}}""", "position must be a whole number of 32 bits")]
    public void A_step_that_is_not_of_the_contract_is_refused_with_its_place(string json, string refusal) =>
        Assert.Equal(refusal, Misfit(json, RecordStepRequest.Descriptor));

    [Theory]
    [InlineData("30")]
    [InlineData("\"soon\"")]
    [InlineData("\"30\"")]
    [InlineData("\"030s\"")]
    [InlineData("\"1.0000000001s\"")]
    [InlineData("\"-0.5s\"")]
    [InlineData("\"-315576000000s\"")]
    [InlineData("\"315576000000s\"")]
    [InlineData("\"30s\\n\"")]
    public void A_wait_that_is_no_duration_is_refused(string wait) =>
        Assert.Equal("wait must be a duration, such as \"30s\"", Misfit($$"""{"wait":{{wait}}}""", PollWorkRequest.Descriptor));

    [Theory]
    [InlineData("""{"failed":{"messag":"m"}}""", "failed.messag is no field of this request")]
    [InlineData("""{"failed":{"retry":"true"}}""", "failed.retry must be true or false")]
    [InlineData("""{"failed":{},"completed":{}}""", "completed must be the only one of completed, failed, waits_on, released")]
    [InlineData("""{"positions":[]}""", "positions must be an object")]
    [InlineData("""{"positions":{"left":"many"}}""", "positions.left must be a whole number of 32 bits")]
    [InlineData("""{"positions":{"left":null}}""", "positions.left must not be null")]
    public void An_end_that_is_not_of_the_contract_is_refused_with_its_place(string json, string refusal) =>
        Assert.Equal(refusal, Misfit(json, FinishWorkRequest.Descriptor));

    [Theory]
    [InlineData("""{"claims":"c"}""", "claims must be an array")]
    [InlineData("""{"claims":["c",null]}""", "claims[1] must not be null")]
    public void Claims_that_are_no_list_of_claims_are_refused_with_their_place(string json, string refusal) =>
        Assert.Equal(refusal, Misfit(json, ExtendClaimRequest.Descriptor));

    [Theory]
    [InlineData("""{"claim":"c","stepKey":"a#0","position":0,"value":{"valu":1,"claim":[{"x":null},"30s",1.5]}}""")]
    [InlineData("""{"claim":"c","step_key":"a#0","position":"7","value":null}""")]
    [InlineData("""{"claim":null,"value":[null]}""")]
    public void A_value_is_the_agents_own(string json) => Assert.Null(Misfit(json, RecordStepRequest.Descriptor));

    [Theory]
    [InlineData("""{"worker":"w","itemsMax":1,"wait":"30s"}""")]
    [InlineData("""{"wait":"0.1s"}""")]
    [InlineData("""{"wait":"0s"}""")]
    [InlineData("""{"wait":"-1s"}""")]
    [InlineData("""{"wait":null}""")]
    public void A_wait_that_is_a_duration_passes(string json) => Assert.Null(Misfit(json, PollWorkRequest.Descriptor));

    [Theory]
    [InlineData("""{"claim":"c","completed":{"result":{"any":[{"thing":null}]}},"failed":null,"positions":{"":2,"left":1},"wantNext":false}""")]
    [InlineData("""{"claim":"c","released":{},"positions":null}""")]
    public void An_end_of_the_contract_passes(string json) => Assert.Null(Misfit(json, FinishWorkRequest.Descriptor));

    private static string? Misfit(string json, MessageDescriptor request) =>
        ContractShape.FirstMisfit(Encoding.UTF8.GetBytes(json), request) is { } misfit ? $"{misfit.Field} {misfit.Description}" : null;
}
