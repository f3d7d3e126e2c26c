using System.Text;

namespace Refund.Shop;

/// <summary>Answers with what it was sent: the tool of an attacker who wants the credential to come back.</summary>
internal static class Echo
{
    /// <summary>
    /// <c>?encode=base64|hex|url</c> writes every value in that form, and so the credential at three alignments:
    /// inside its header, alone, and amid everything else.
    /// </summary>
    public static async Task<IResult> AnswerAsync(HttpRequest request, string? encode = null)
    {
        Func<string, string>? form = encode switch
        {
            null => text => text,
            "base64" => text => Convert.ToBase64String(Encoding.UTF8.GetBytes(text)),
            "hex" => text => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(text)),
            "url" => Uri.EscapeDataString,
            _ => null,
        };
        if (form is null)
        {
            return Results.Problem("encode is base64, hex or url.", statusCode: StatusCodes.Status400BadRequest);
        }

        using var reader = new StreamReader(request.Body, Encoding.UTF8);
        var body = await reader.ReadToEndAsync(request.HttpContext.RequestAborted);
        var headers = request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString());
        var everything = string.Join('\n', headers.Select(header => $"{header.Key}: {header.Value}").Append(body));

        return Results.Ok(new
        {
            request.Method,
            Path = form(request.Path + request.QueryString),
            Headers = headers.ToDictionary(header => header.Key, header => form(header.Value)),
            Credential = form(request.Headers.Authorization.ToString().Split(' ').Last()),
            Body = form(body),
            Everything = form(everything),
        });
    }
}
