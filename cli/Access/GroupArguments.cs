using System.CommandLine;

namespace Mesh.Cli.Access;

/// <summary>Who, in which group, of which tenant.</summary>
internal static class GroupArguments
{
    public static (Argument<string> Tenant, Argument<string> Group, Argument<string> Person) Create() => (
        new Argument<string>("TENANT") { Description = "Whose group it is." },
        new Argument<string>("GROUP") { Description = "The group, as an approval's roles name it." },
        new Argument<string>("PERSON") { Description = "The person." });
}
