namespace Mesh.Cli.Auditing;

/// <summary>Whether everything that happened outside was announced before: entries in the order of the log.</summary>
/// <remarks>
/// An intent without an outcome is no finding: the call may be on its way. An outcome, or a credential handed out, without
/// an earlier intent for the same digest and dispatch is one: then something passed the wall.
/// </remarks>
internal sealed class CustodyCheck(Action<Finding> found)
{
    private readonly Dictionary<(string Task, string Digest, int Dispatch), List<long>> intents = [];
    private readonly Dictionary<(string Task, string Step), HashSet<string>> requested = [];
    private readonly HashSet<(string Task, string Digest, int Dispatch)> closed = [];

    // The last dispatch with which a call was settled. With it all earlier ones are over: what became of them is known, or said not to be.
    private readonly Dictionary<(string Task, string Digest), int> settled = [];

    // A probe asks what became of an earlier dispatch of its digest. It has an intent, and no outcome but that of the other.
    private readonly Dictionary<long, (string Task, string Digest, int Dispatch)> probes = [];

    public int Intents => intents.Count;

    /// <summary>Intents whose outcome is not in the log (yet).</summary>
    public int Open => intents.Keys.Except(probes.Values).Count(intent =>
        !closed.Contains(intent) && intent.Dispatch > settled.GetValueOrDefault((intent.Task, intent.Digest)));

    public void Take(long index, LogLeaf leaf)
    {
        switch (leaf)
        {
            case { IsIntent: true }:
                // Announced again under a later epoch, it is the same intent at a second place.
                PlacesOf(leaf.Task, leaf.ActionDigest, leaf.Dispatch).Add(index);
                if (leaf.Purpose == "probe")
                {
                    probes.Add(index, (leaf.Task, leaf.ActionDigest, leaf.Dispatch));
                }

                break;
            case { Kind: "CallRequested" }:
                DigestsOf(leaf).Add(leaf.ActionDigest);
                break;
            case { Kind: "CallNotSent" }:
                Close(leaf);
                break;
            case { Kind: "LeaseRedeemed" }:
                if (!intents.ContainsKey((leaf.Task, leaf.ActionDigest, leaf.Dispatch)))
                {
                    found(new Finding(index, "REDEEMED_WITHOUT_INTENT", $"A credential was handed out for dispatch {leaf.Dispatch} of {leaf.ActionDigest} with no intent before it."));
                }

                break;
            case { Kind: "CallSettled" }:
                Settle(index, leaf);
                break;
        }
    }

    private void Settle(long index, LogLeaf leaf)
    {
        var at = DigestsOf(leaf).SelectMany(digest => intents.GetValueOrDefault((leaf.Task, digest, leaf.Dispatch), [])).ToList();
        foreach (var digest in DigestsOf(leaf))
        {
            settled[(leaf.Task, digest)] = Math.Max(leaf.Dispatch, settled.GetValueOrDefault((leaf.Task, digest)));
        }

        if (leaf is not { Dispatch: > 0, Outcome: "OUTCOME_SUCCEEDED" or "OUTCOME_FAILED" or "OUTCOME_UNKNOWN" })
        {
            return;
        }

        if (at.Count == 0)
        {
            found(new Finding(index, "OUTCOME_WITHOUT_INTENT", $"Step {leaf.Step} of task {leaf.Task} was settled for dispatch {leaf.Dispatch} with no intent for its digest before it."));
        }
        else if (leaf.AuditIndex is { } said && !at.Contains(said) && !IsProbeOf(leaf, said))
        {
            found(new Finding(index, "OTHER_INTENT", $"Step {leaf.Step} of task {leaf.Task} names entry {said} as its intent, which it is not."));
        }
    }

    private bool IsProbeOf(LogLeaf leaf, long place) => probes.TryGetValue(place, out var probe)
        && probe.Task == leaf.Task && probe.Dispatch > leaf.Dispatch && DigestsOf(leaf).Contains(probe.Digest);

    private void Close(LogLeaf leaf)
    {
        foreach (var digest in DigestsOf(leaf))
        {
            closed.Add((leaf.Task, digest, leaf.Dispatch));
        }
    }

    private List<long> PlacesOf(string task, string digest, int dispatch) =>
        intents.TryGetValue((task, digest, dispatch), out var places) ? places : intents[(task, digest, dispatch)] = [];

    private HashSet<string> DigestsOf(LogLeaf leaf) =>
        requested.TryGetValue((leaf.Task, leaf.Step), out var digests) ? digests : requested[(leaf.Task, leaf.Step)] = [];
}
