using Microsoft.Extensions.Logging;

namespace Mesh;

/// <summary>Everything that the worker of an agent process says.</summary>
internal static partial class Log
{
    [LoggerMessage(11001, LogLevel.Error, "The handler of task {Task} failed in attempt {Attempt}.")]
    public static partial void HandlerFailed(this ILogger log, Exception failure, string task, int attempt);

    [LoggerMessage(11002, LogLevel.Information, "Task {Task} was refused: {Reason}.")]
    public static partial void TaskRefused(this ILogger log, string task, string reason);

    [LoggerMessage(11003, LogLevel.Error, "The handler asks for other steps than task {Task} has recorded: {Change}")]
    public static partial void HandlerChanged(this ILogger log, string task, string change);

    [LoggerMessage(11004, LogLevel.Warning, "Task {Task} belongs to somebody else now; it was stopped here.")]
    public static partial void ClaimLost(this ILogger log, string task);

    [LoggerMessage(11005, LogLevel.Warning, "The handler of task {Task} did not stop within {Grace}; it was left behind.")]
    public static partial void HandlerLeftBehind(this ILogger log, string task, TimeSpan grace);

    [LoggerMessage(11006, LogLevel.Warning, "{Method} was not answered ({Code} {Reason}); it is repeated in {Pause}.")]
    public static partial void Repeated(this ILogger log, string method, Grpc.Core.StatusCode code, string reason, TimeSpan pause);

    [LoggerMessage(11007, LogLevel.Critical, "The connection to Mesh broke; this process ends.")]
    public static partial void ConnectionLost(this ILogger log);

    [LoggerMessage(11008, LogLevel.Error, "Mesh did not take the end of task {Task}: {Reason}. {Message}")]
    public static partial void FinishRefused(this ILogger log, string task, string reason, string message);

    [LoggerMessage(11009, LogLevel.Critical, "Mesh refuses to give this process work: {Reason}. {Message}")]
    public static partial void WorkRefused(this ILogger log, string reason, string message);

    [LoggerMessage(11010, LogLevel.Critical, "A task was dropped by a defect of the worker; its claim runs out.")]
    public static partial void WorkerFailed(this ILogger log, Exception failure);
}
