namespace Mesh.Postgres;

/// <summary>How the statements of the hot paths are planned: once, and by index, however the tables looked at that moment.</summary>
/// <remarks>
/// They touch few rows of tables that are empty at first, or whose rows come and go. A plan made while a table was small, or planning
/// again for each execution, costs more than the statement. A bitmap scan reads past the index entries of dead rows again and again,
/// where a plain index scan marks them once.
/// </remarks>
public static class HotPlans
{
    /// <summary>For a connection that does nothing else.</summary>
    public const string Settings =
        "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off";

    /// <summary>For one transaction, as an expression to select.</summary>
    public const string Local =
        "set_config('plan_cache_mode', 'force_generic_plan', true) || set_config('enable_seqscan', 'off', true) || set_config('enable_bitmapscan', 'off', true) || set_config('enable_hashjoin', 'off', true) || set_config('enable_mergejoin', 'off', true)";
}
