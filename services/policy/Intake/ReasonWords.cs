using System.Collections.Frozen;
using Mesh.Errors.V1;

namespace Mesh.Policy.Intake;

/// <summary>Reasons as the contract writes them.</summary>
internal static class ReasonWords
{
    private static readonly FrozenDictionary<Reason, string> Words =
        ErrorsReflection.Descriptor.EnumTypes[0].Values.ToFrozenDictionary(value => (Reason)value.Number, value => value.Name);

    public static string Of(Reason reason) => Words[reason];
}
