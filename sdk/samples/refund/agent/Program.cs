using Mesh;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RefundSample;

var builder = Host.CreateApplicationBuilder(args);
builder.Logging.AddSimpleConsole(line => (line.SingleLine, line.UseUtcTimestamp, line.TimestampFormat) = (true, true, "yyyy-MM-ddTHH:mm:ss.fffZ "));
builder.Services.AddSingleton(new MailDraft("The Acme shop"));
builder.AddMeshWorker().AddAgent<RefundAgent>();

await builder.Build().RunAsync();
