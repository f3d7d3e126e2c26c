namespace Mesh.Cli.Dev;

/// <summary>One process of a service. The first has the service's own name, the others a number behind it.</summary>
internal sealed record Replica(Service Service, int Number)
{
    /// <summary>More than these have no ports in the block.</summary>
    public const int Max = 5;

    public string Name => Number == 1 ? Service.Name : $"{Service.Name}.{Number}";

    /// <summary>All processes of a mesh, the first of each service in their order, then the others.</summary>
    /// <param name="scale">How many of a service there are; one where nothing is said.</param>
    public static IReadOnlyList<Replica> All(IReadOnlyDictionary<string, int> scale) =>
        [.. Enumerable.Range(1, Max).SelectMany(number => Service.All
            .Where(service => number <= scale.GetValueOrDefault(service.Name, 1))
            .Select(service => new Replica(service, number)))];

    /// <summary>The replica that run.json names so; null when there is no such service.</summary>
    public static Replica? Named(string name) =>
        name.Split('.') is [var service, .. var rest] && Service.All.FirstOrDefault(one => one.Name == service) is { } known
            ? new Replica(known, rest is [var number] ? int.Parse(number, System.Globalization.CultureInfo.InvariantCulture) : 1)
            : null;
}
