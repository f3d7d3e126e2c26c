using System.Diagnostics;
using Mesh.Policy.Approvals;

namespace Mesh.Policy.Tests.Approvals;

public sealed class ApprovalMovesTests
{
    [Fact]
    public void These_are_all_the_moves_there_are()
    {
        var legal = from state in Enum.GetValues<ApprovalState>()
                    from happened in Enum.GetValues<ApprovalEvent>()
                    where state.Allows(happened)
                    select $"{state} {happened} {state.After(happened)}";

        Assert.Equal(
            [
                "Pending Approve Approved", "Pending Deny Denied", "Pending Expire Expired", "Approved Expire Expired", "Approved Consume Consumed",
                "Consumed Expire Expired", "Consumed Consume Consumed",
            ],
            legal);
    }

    [Fact]
    public void Any_other_move_fails_loudly() =>
        Assert.Throws<UnreachableException>(() => ApprovalState.Denied.After(ApprovalEvent.Approve));
}
