namespace Mesh.ServiceHost;

/// <summary>One thing that this service needs for its work.</summary>
/// <param name="Name">Shown in <c>/readyz</c>.</param>
/// <param name="Ask">Answers null when all is well, else what is wrong. Exceptions and silence of 2 s count as wrong.</param>
public sealed record ReadinessCheck(string Name, Func<IServiceProvider, CancellationToken, ValueTask<string?>> Ask);
