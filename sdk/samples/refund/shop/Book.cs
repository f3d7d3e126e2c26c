using System.Globalization;
using System.Text.Json;

namespace Refund.Shop;

/// <summary>Everything that the shop was asked for, with its time; with a file, a restart keeps it.</summary>
internal sealed class Book : IDisposable
{
    private static readonly Order[] Stock =
    [
        new("1001", "Ada Lovelace", "ada@example.com", 1_200, "EUR"),
        new("1002", "Grace Hopper", "grace@example.com", 75_000, "EUR"),
        new("1003", "Alan Turing", "alan@example.com", 600_000, "EUR"),
        new("1004", "Edsger Dijkstra", "edsger@example.com", 2_400, "EUR"),
    ];

    private readonly Lock gate = new();
    private readonly TimeProvider clock;
    private readonly StreamWriter? file;
    private readonly List<Entry> entries = [];
    private readonly Dictionary<string, Order> orders = Stock.ToDictionary(order => order.Id);
    private readonly Dictionary<string, Entry.Refunded> refundsByKey = [];
    private readonly Dictionary<string, Entry.Mailed> mailsByKey = [];
    private int asked;

    public Book(TimeProvider clock, string? path)
    {
        this.clock = clock;
        if (path is null)
        {
            return;
        }

        if (File.Exists(path))
        {
            foreach (var line in File.ReadLines(path))
            {
                Take(JsonSerializer.Deserialize<Entry>(line, Wire.Options)!);
            }
        }

        file = new StreamWriter(path, append: true) { AutoFlush = true };
    }

    public Order? FindOrder(string id)
    {
        lock (gate)
        {
            Write(new Entry.OrderRead(clock.GetUtcNow(), id));
            return orders.GetValueOrDefault(id);
        }
    }

    public void Offer(Order order)
    {
        lock (gate)
        {
            Write(new Entry.Offered(clock.GetUtcNow(), order));
        }
    }

    public Entry.Refunded? FindRefund(string key)
    {
        lock (gate)
        {
            return refundsByKey.GetValueOrDefault(key);
        }
    }

    /// <summary>Refunds once per key. The same key with another request is nothing (null): two different wishes.</summary>
    public Entry.Refunded? Refund(string? key, RefundRequest request)
    {
        lock (gate)
        {
            if (key is not null && refundsByKey.TryGetValue(key, out var earlier))
            {
                return earlier.Request == request ? earlier : null;
            }

            return Write(new Entry.Refunded(clock.GetUtcNow(), NextId("re"), key, request));
        }
    }

    /// <summary>Mails once per key, as <see cref="Refund"/> does.</summary>
    public Entry.Mailed? Mail(string? key, MailRequest request)
    {
        lock (gate)
        {
            if (key is not null && mailsByKey.TryGetValue(key, out var earlier))
            {
                return earlier.Request == request ? earlier : null;
            }

            return Write(new Entry.Mailed(clock.GetUtcNow(), NextId("ma"), key, request));
        }
    }

    public int Ask(string method, string path, string? key, bool authorized)
    {
        lock (gate)
        {
            return Write(new Entry.Asked(clock.GetUtcNow(), asked + 1, method, path, key, authorized)).Number;
        }
    }

    public void Answer(int number, int status)
    {
        lock (gate)
        {
            Write(new Entry.Answered(clock.GetUtcNow(), number, status));
        }
    }

    public BookPage Read()
    {
        lock (gate)
        {
            var answers = entries.OfType<Entry.Answered>().ToDictionary(answer => answer.Number);
            return new BookPage(
                [.. entries.OfType<Entry.OrderRead>()],
                [.. entries.OfType<Entry.Refunded>()],
                [.. entries.OfType<Entry.Mailed>()],
                [.. entries.OfType<Entry.Asked>().Select(request => new BookPage.Request(
                    request.Number,
                    request.At,
                    request.Method,
                    request.Path,
                    request.IdempotencyKey,
                    request.Authorized,
                    answers.GetValueOrDefault(request.Number)?.Status,
                    answers.GetValueOrDefault(request.Number)?.At))]);
        }
    }

    public void Dispose() => file?.Dispose();

    private T Write<T>(T entry)
        where T : Entry
    {
        // On file before it is true: what was answered must still be there after a restart.
        file?.WriteLine(JsonSerializer.Serialize<Entry>(entry, Wire.Options));
        Take(entry);
        return entry;
    }

    private void Take(Entry entry)
    {
        entries.Add(entry);
        switch (entry)
        {
            case Entry.Offered offered:
                orders[offered.Order.Id] = offered.Order;
                break;
            case Entry.Asked request:
                asked = request.Number;
                break;
            case Entry.Refunded { IdempotencyKey: { } key } refund:
                refundsByKey[key] = refund;
                break;
            case Entry.Mailed { IdempotencyKey: { } key } mail:
                mailsByKey[key] = mail;
                break;
        }
    }

    private string NextId(string prefix) =>
        string.Create(CultureInfo.InvariantCulture, $"{prefix}_{entries.Count + 1:d6}");
}
