using System.CommandLine;

namespace Mesh.Cli.DeadLetters;

/// <summary><c>mesh dead-letter list</c>: messages between services that nobody could handle.</summary>
internal static class ListDeadLettersCommand
{
    private const int PageMax = 200;

    public static Command Create()
    {
        var consumer = new Option<string>("--consumer") { Description = "Only those of one consumer." };
        consumer.AcceptOnlyFromAmong(DeadLetterArguments.Consumers);
        var command = new Command("list", "List the messages that are parked, the oldest of each consumer first.") { consumer };

        command.Runs(async (session, stop) =>
        {
            var letters = new Bus.V1.DeadLetterService.DeadLetterServiceClient(session.Mesh);
            var request = new Bus.V1.ListDeadLettersRequest { Consumer = session.Parse.GetValue(consumer) ?? "", PageSize = PageMax };
            var found = new List<Bus.V1.DeadLetter>();
            do
            {
                var page = await letters.ListDeadLettersAsync(request, cancellationToken: stop);
                found.AddRange(page.DeadLetters);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);

            session.Printer.PrintList(found, DeadLetterView.List);
            return ExitCodes.Done;
        });
        return command.WithExample("""
            mesh dead-letter list
            mesh dead-letter list --consumer audit
            """);
    }
}
