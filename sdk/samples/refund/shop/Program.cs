// The real system of the refund sample: an ordinary HTTP service that knows nothing of Mesh.
//
//   SHOP_CRM_TOKEN=… SHOP_PAYMENTS_TOKEN=… SHOP_MAIL_TOKEN=… dotnet Shop.dll [--port 7390] [--address 127.0.0.1] [--file shop.jsonl]
//
// Port 0 (the default) takes a free one; the first line of output says which. Tokens can also be files of those names in the folder that
// SHOP_TOKENS names.
using System.Globalization;
using System.Net;
using Refund.Shop;

var builder = WebApplication.CreateSlimBuilder(args);
var port = builder.Configuration.GetValue("port", 0);
var address = IPAddress.Parse(builder.Configuration.GetValue("address", "127.0.0.1"));

if (builder.Configuration["SHOP_TOKENS"] is { } folder)
{
    builder.Configuration.AddKeyPerFile(folder, optional: false);
}

var tokens = AreaTokens.Read(builder.Configuration);
using var book = new Book(TimeProvider.System, builder.Configuration["file"]);

builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(address, port));
builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
builder.Services.ConfigureHttpJsonOptions(json => Wire.Configure(json.SerializerOptions));
builder.Services.AddSingleton(tokens);
builder.Services.AddSingleton(book);
builder.Services.AddSingleton<Disturbances>();

var app = builder.Build();

var shop = app.MapGroup("/v1").AddEndpointFilter<Counter>();
shop.MapGet("/orders/{id}", Sales.Order);
shop.MapPost("/refunds", Sales.Refund);
shop.MapGet("/refunds", Sales.RefundOf);
shop.MapPost("/mails", Sales.Mail);
app.Map("/echo", Echo.AnswerAsync);

app.MapGet("/_log", (Book book) => book.Read());
app.MapPost("/_orders", (Order order, Book book) => book.Offer(order));
app.MapPost("/_slow", (Slow told, Disturbances disturbances) => disturbances.Add(told));
app.MapPost("/_fail", (Fail told, Disturbances disturbances) => disturbances.Add(told));
app.MapPost("/_hang", (Hang told, Disturbances disturbances) => disturbances.Add(told));
app.MapPost("/_calm", (Disturbances disturbances) => disturbances.Clear());

try
{
    await app.StartAsync();
}
catch (IOException taken)
{
    Console.Error.WriteLine($"shop: {taken.Message}");
    return 1;
}

Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"shop listening on {app.Urls.Single()}"));
await app.WaitForShutdownAsync();
return 0;
