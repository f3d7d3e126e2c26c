using System.CommandLine;
using System.Diagnostics;
using Grpc.Core;
using Mesh.Cli.Output;

namespace Mesh.Cli;

/// <summary>Runs the body of a verb and turns what went wrong into one line (or one JSON object) and an exit code.</summary>
internal static class Verb
{
    public static void Runs(this Command command, Func<Session, CancellationToken, Task<int>> body) =>
        command.SetAction((parse, stop) => RunAsync(parse, body, stop));

    private static async Task<int> RunAsync(
        ParseResult parse, Func<Session, CancellationToken, Task<int>> body, CancellationToken stop)
    {
        // Its id travels with every call, so that whoever is told of an error finds it in the logs of the services.
        using var trace = new Activity($"mesh {parse.CommandResult.Command.Name}").Start();
        using var session = new Session(parse);
        try
        {
            return await body(session, stop);
        }
        catch (RpcException refused) when (!stop.IsCancellationRequested)
        {
            return Tell(Problem.Of(refused));
        }
        catch (ProblemException problem)
        {
            return Tell(problem.Problem);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCodes.Interrupted;
        }
        catch (RpcException) when (stop.IsCancellationRequested)
        {
            return ExitCodes.Interrupted;
        }
        catch (IOException error) when (BrokenPipe.Is(error))
        {
            // The reader (head, less) has what it wanted.
            return ExitCodes.Done;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Tell(Problem.Here("LOCAL_FILE", error.Message, ExitCodes.Error));
        }

        int Tell(Problem problem)
        {
            (problem with { TraceId = trace.TraceId.ToHexString() }).Write(Console.Error, session.Printer.Form is OutputForm.Json or OutputForm.Jsonl or OutputForm.Yaml);
            return problem.ExitCode;
        }
    }
}
