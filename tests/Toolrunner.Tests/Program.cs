using Mesh.Toolrunner.Tests.Agents;

// As an agent the program has only part of its files, so that the test platform must not even be looked for.
return args is ["agent", ..] ? await ProbingAgent.RunAsync() : await TestAsync(args);

static Task<int> TestAsync(string[] args) => Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(
    args,
    Toolrunner.Tests.SelfRegisteredExtensions.AddSelfRegisteredExtensions);
