using Mesh.Integrity;
using Mesh.Policy.Evaluation;

namespace Mesh.Policy.Limits;

/// <summary>How much room a limit has for a call, while its counter is locked.</summary>
/// <param name="Use">What the call wants of the limit.</param>
/// <param name="Counter">Its counter.</param>
/// <param name="Used">What is counted in the window now, without what an earlier dispatch of the same action holds.</param>
/// <param name="IsHeld">The same dispatch was counted before, or the action was performed: it fits, and is not counted again.</param>
internal sealed record LimitRoom(LimitUse Use, Hash256 Counter, long Used, bool IsHeld)
{
    // Written so that it cannot overflow: both sides are at least zero.
    public bool IsExceeded => !IsHeld && Use.Amount > Use.Limit.Max - Used;
}
