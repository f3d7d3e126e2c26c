using System.Diagnostics;

namespace Mesh.Integrity;

/// <summary>What a dispatch does at the target. A receipt for one is none for the other.</summary>
public enum TicketPurpose
{
    /// <summary>It does what the action says.</summary>
    Perform,

    /// <summary>It asks whether an earlier dispatch of the action arrived.</summary>
    Probe,
}

/// <summary>How a purpose is written, in notes, in leaves and on the wire.</summary>
public static class TicketPurposes
{
    /// <summary>The purpose as a word.</summary>
    public static string Word(this TicketPurpose purpose) => purpose switch
    {
        TicketPurpose.Perform => "perform",
        TicketPurpose.Probe => "probe",
        _ => throw new UnreachableException($"The purpose {purpose} has no word."),
    };

    /// <summary>Reads a word, and nothing but one of the two.</summary>
    public static bool TryParse(string word, out TicketPurpose purpose)
    {
        purpose = word == "probe" ? TicketPurpose.Probe : TicketPurpose.Perform;
        return word is "perform" or "probe";
    }
}
