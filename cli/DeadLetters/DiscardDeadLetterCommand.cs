using System.CommandLine;

namespace Mesh.Cli.DeadLetters;

/// <summary><c>mesh dead-letter discard</c>: gives a parked message up for good.</summary>
internal static class DiscardDeadLetterCommand
{
    public static Command Create()
    {
        var consumer = DeadLetterArguments.Consumer();
        var message = DeadLetterArguments.Message();
        var yes = new Option<bool>("--yes") { Description = "You have read it (show), and want it to be lost." };
        var command = new Command("discard", "Give a parked message up for good: what it says never reaches its consumer.") { consumer, message, yes };
        command.Validators.Add(result =>
        {
            if (!result.GetValue(yes))
            {
                result.AddError("discard loses the message for good: add --yes when you have read it (mesh dead-letter show).");
            }
        });

        command.Runs(async (session, stop) =>
        {
            var request = new Bus.V1.DiscardDeadLetterRequest { Consumer = session.Parse.GetRequiredValue(consumer), MessageId = session.Parse.GetRequiredValue(message) };
            var answer = await new Bus.V1.DeadLetterService.DeadLetterServiceClient(session.Mesh).DiscardDeadLetterAsync(request, cancellationToken: stop);
            session.Printer.Print(answer, _ => request.MessageId, (to, _) => to.WriteLine($"{request.MessageId} of {request.Consumer} is gone"));
            return ExitCodes.Done;
        });
        return command.WithExample("mesh dead-letter discard policy 01a22bc0-8a05-72eb-bbd9-47281d439ade --yes");
    }
}
