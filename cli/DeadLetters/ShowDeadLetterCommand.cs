using System.CommandLine;

namespace Mesh.Cli.DeadLetters;

/// <summary><c>mesh dead-letter show</c>: one parked message, and why it is.</summary>
internal static class ShowDeadLetterCommand
{
    public static Command Create()
    {
        var consumer = DeadLetterArguments.Consumer();
        var message = DeadLetterArguments.Message();
        var command = new Command("show", "Show a parked message and the error that parked it; its whole body with -o json.") { consumer, message };

        command.Runs(async (session, stop) =>
        {
            var answer = await new Bus.V1.DeadLetterService.DeadLetterServiceClient(session.Mesh).GetDeadLetterAsync(
                new Bus.V1.GetDeadLetterRequest { Consumer = session.Parse.GetRequiredValue(consumer), MessageId = session.Parse.GetRequiredValue(message) },
                cancellationToken: stop);
            session.Printer.Print(answer.DeadLetter, letter => letter.MessageId, DeadLetterView.Write);
            return ExitCodes.Done;
        });
        return command.WithExample("mesh dead-letter show audit 01a22bc0-8a05-72eb-bbd9-47281d439ade");
    }
}
