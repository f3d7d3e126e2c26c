using System.Net;
using System.Net.Sockets;
using Mesh.Toolrunner.Egress;

namespace Mesh.Toolrunner.Tests.Egress;

/// <summary>Names are looked up where a name server that is slow to answer stops nothing else.</summary>
public sealed class NameLookupTests : IDisposable
{
    private static readonly IPAddress[] Known = [IPAddress.Parse("93.184.216.34")];

    private readonly ManualResetEventSlim answers = new();
    private int asked;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => answers.Dispose();

    [Fact]
    public async Task A_slow_name_server_holds_no_thread_of_the_pool_and_those_who_wait_go_on_in_it()
    {
        var wasOfThePool = true;
        var names = new NameLookup(host =>
        {
            wasOfThePool = Thread.CurrentThread.IsThreadPoolThread;
            return Slow(host);
        });

        var found = names.AddressesAsync("api.example.com", Stop);
        var after = found.ContinueWith(_ => Thread.CurrentThread.IsThreadPoolThread, Stop, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        answers.Set();

        Assert.Equal(Known, await found);
        Assert.True(await after);
        Assert.False(wasOfThePool);
    }

    [Fact]
    public async Task Many_who_ask_for_one_name_at_one_time_ask_once_and_later_ones_ask_again()
    {
        var names = new NameLookup(Slow);

        var first = Enumerable.Range(0, 100).Select(_ => names.AddressesAsync("api.example.com", Stop)).ToArray();
        answers.Set();
        await Task.WhenAll(first);
        await names.AddressesAsync("API.example.com", Stop);

        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task Who_gives_up_waiting_leaves_the_lookup_to_the_others()
    {
        var names = new NameLookup(Slow);
        using var impatient = CancellationTokenSource.CreateLinkedTokenSource(Stop);

        var given = names.AddressesAsync("api.example.com", impatient.Token);
        var kept = names.AddressesAsync("api.example.com", Stop);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        answers.Set();

        Assert.Equal(Known, await kept);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task A_name_that_nobody_knows_is_said_to_all_who_asked_and_asked_for_again()
    {
        var names = new NameLookup(host => Interlocked.Increment(ref asked) == 1 ? throw new SocketException((int)SocketError.HostNotFound) : Known);

        await Assert.ThrowsAsync<SocketException>(() => names.AddressesAsync("nobody.example.com", Stop));

        Assert.Equal(Known, await names.AddressesAsync("nobody.example.com", Stop));
    }

    private IPAddress[] Slow(string host)
    {
        Interlocked.Increment(ref asked);
        answers.Wait(Stop);
        return Known;
    }
}
