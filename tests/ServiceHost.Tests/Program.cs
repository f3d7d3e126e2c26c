using Mesh.ServiceHost.Tests;

// As a service of its own, so that start, help and stop are those of a real process.
if (Environment.GetEnvironmentVariable("MESH_TEST_SERVICE") == "1")
{
    return TestService.Run(args);
}

return await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(
    args,
    ServiceHost.Tests.SelfRegisteredExtensions.AddSelfRegisteredExtensions);
