using Mesh.ServiceHost;

namespace Mesh.Contracts.Tests;

/// <summary>What holds for every method and every reason.</summary>
public sealed class Conventions
{
    [Fact]
    public void Every_method_has_a_row_in_the_caller_table_and_every_row_a_method()
    {
        var methods = Released.Services.SelectMany(service => service.Methods.Select(method => $"/{service.FullName}/{method.Name}"));

        Assert.Equal(methods.Order(StringComparer.Ordinal), CallerTable.Methods.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void No_method_is_open_to_a_caller_that_is_none_of_the_known_ones()
    {
        string[] known = ["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner", "agent", "public"];

        Assert.All(CallerTable.Methods, method =>
        {
            Assert.NotEmpty(CallerTable.CallersOf(method));
            Assert.Subset(known.ToHashSet(), CallerTable.CallersOf(method).ToHashSet());
        });
    }

    [Fact]
    public void Nobody_but_a_tool_runner_can_redeem_and_nobody_but_the_orchestrator_can_ask_for_a_lease_a_decision_or_a_receipt()
    {
        Assert.Equal(["toolrunner"], CallerTable.CallersOf("/mesh.vault.v1.LeaseService/RedeemLease"));
        Assert.Equal(["orchestrator"], CallerTable.CallersOf("/mesh.vault.v1.LeaseService/IssueLease"));
        Assert.Equal(["orchestrator"], CallerTable.CallersOf("/mesh.policy.v1.DecisionService/Decide"));
        Assert.Equal(["orchestrator"], CallerTable.CallersOf("/mesh.audit.v1.AppendService/AppendIntent"));
    }

    [Fact]
    public void Every_enum_starts_at_unspecified()
    {
        var first = Released.Current.Values
            .SelectMany(file => file.EnumType.Concat(file.MessageType.SelectMany(message => message.EnumType)))
            .Select(values => values.Value[0]);

        Assert.All(first, value =>
        {
            Assert.Equal(0, value.Number);
            Assert.EndsWith("_UNSPECIFIED", value.Name, StringComparison.Ordinal);
        });
    }
}
