namespace Mesh.ServiceHost;

/// <summary>Refuses to start when the service maps a method that the caller table does not know.</summary>
internal sealed class MethodRows(ILogger<MethodRows> log) : IHostedService
{
    public IEndpointRouteBuilder? Routes { get; set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var missing = (Routes ?? throw new InvalidOperationException("Program.cs calls AddMeshService without MapMeshService."))
            .DataSources
            .SelectMany(source => source.Endpoints)
            .Select(CallerGate.MethodOf)
            .OfType<string>()
            .Where(method => CallerTable.CallersOf(method).Count == 0)
            .Distinct()
            .ToArray();

        foreach (var method in missing)
        {
            log.MethodWithoutRow(method);
        }

        return missing.Length == 0
            ? Task.CompletedTask
            : throw new InvalidOperationException("Methods without a row in the caller table: " + string.Join(", ", missing));
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
