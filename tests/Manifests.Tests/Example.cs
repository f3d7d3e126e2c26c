using Mesh.Manifests.Kinds;

namespace Mesh.Manifests.Tests;

/// <summary>The manifests of the design's own example, without what is not available yet.</summary>
internal static class Example
{
    public static string Text { get; } = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Examples", "acme.yaml"));

    public static ManifestReading Read() => ManifestReader.Read("acme.yaml", Text);

    public static T Content<T>(string name)
        where T : Manifest =>
        Read().Documents.Where(d => d.Name == name).Select(d => d.Content).OfType<T>().Single();

    /// <summary>A tool with one part of its spec replaced or added.</summary>
    public static string Tool(string part) => Spec("Tool", "crm.get", """
          integration: crm
          class: [read]
          description: Get.
          input: {type: object, properties: {id: {type: string}, n: {type: integer}}}
          http: {method: GET, path: /x}
        """, part);

    public static string Integration(string part) => Spec("Integration", "crm", """
          http: {baseUrl: "https://crm.example"}
          egress: ["crm.example:443"]
        """, part);

    public static string Workflow(string part) => Spec("Workflow", "flow", """
          tools: [crm.get]
          agent: {process: {command: [run], directory: ./agent}}
        """, part);

    public static string Webhook(string part) => Spec("Webhook", "hook", """
          scheme: standard-webhooks
          secret: key
          start: {workflow: flow}
        """, part);

    public static string Policy(string part) => Spec("PolicySet", "rules", """
          mode: enforce
          rules: [{id: a, effect: permit, when: {tool: [crm.get]}}]
        """, part);

    // A part that names a field takes the place of the line that has it.
    private static string Spec(string kind, string name, string lines, string part)
    {
        var field = part.Split(':')[0];
        var kept = lines.Split('\n').Where(l => l.Trim().Split(':')[0] != field).Select(l => "  " + l.Trim());
        var version = kind == "PolicySet" ? ", version: 1" : "";
        var head = $"apiVersion: mesh/v1\nkind: {kind}\nmetadata: {{tenant: acme, name: {name}{version}}}\nspec:\n";
        return head + string.Join('\n', kept) + "\n  " + part + "\n";
    }
}
