using Mesh;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RefundSample;

var builder = Host.CreateApplicationBuilder(args);
builder.Services.AddSingleton(new MailDraft("The Acme shop"));
builder.AddMeshWorker().AddAgent<RefundAgent>();

await builder.Build().RunAsync();
