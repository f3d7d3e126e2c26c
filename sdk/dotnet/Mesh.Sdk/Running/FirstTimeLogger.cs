using Microsoft.Extensions.Logging;

namespace Mesh.Running;

/// <summary>Does not say again what an earlier run has said: silent until its branch does something new.</summary>
internal sealed class FirstTimeLogger(ILogger inner, BranchLedger branch) : ILogger
{
    public ILogger Inner => inner;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => !branch.IsRepeating && inner.IsEnabled(logLevel);

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            inner.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
