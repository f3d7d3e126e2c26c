using System.CommandLine;

namespace Mesh.Cli.DeadLetters;

/// <summary><c>mesh dead-letter retry</c>: delivers a parked message again.</summary>
internal static class RetryDeadLetterCommand
{
    public static Command Create()
    {
        var consumer = DeadLetterArguments.Consumer();
        var message = DeadLetterArguments.Message();
        var command = new Command("retry", "Deliver a parked message again, with all its attempts. It has its effect once.") { consumer, message };

        command.Runs(async (session, stop) =>
        {
            var request = new Bus.V1.RetryDeadLetterRequest { Consumer = session.Parse.GetRequiredValue(consumer), MessageId = session.Parse.GetRequiredValue(message) };
            var answer = await new Bus.V1.DeadLetterService.DeadLetterServiceClient(session.Mesh).RetryDeadLetterAsync(request, cancellationToken: stop);
            session.Printer.Print(answer, _ => request.MessageId, (to, _) => to.WriteLine($"{request.MessageId} is delivered to {request.Consumer} again"));
            return ExitCodes.Done;
        });
        return command.WithExample("mesh dead-letter retry audit 01a22bc0-8a05-72eb-bbd9-47281d439ade");
    }
}
