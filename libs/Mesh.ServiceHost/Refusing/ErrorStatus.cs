using System.Collections.Frozen;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Mesh.Errors.V1;
using Status = Google.Rpc.Status;

namespace Mesh.ServiceHost;

/// <summary>Writes errors as <c>google.rpc.Status</c> with their details, and reads them back.</summary>
internal static class ErrorStatus
{
    public const string Domain = "mesh";

    private static readonly FrozenDictionary<Reason, string> Names =
        ErrorsReflection.Descriptor.EnumTypes[0].Values.ToFrozenDictionary(value => (Reason)value.Number, value => value.Name);

    private static readonly FrozenDictionary<string, Reason> Reasons = Names.ToFrozenDictionary(pair => pair.Value, pair => pair.Key);

    public static string NameOf(Reason reason) => Names.GetValueOrDefault(reason, nameof(Reason.Unspecified));

    public static Reason ReasonOf(string name) => Reasons.GetValueOrDefault(name, Reason.Unspecified);

    public static Status Of(MeshError error, string requestId)
    {
        var info = new ErrorInfo { Domain = Domain, Reason = NameOf(error.Reason) };
        info.Metadata.Add(error.Metadata);
        var status = new Status { Code = (int)error.Code, Message = error.Message, Details = { Any.Pack(info) } };

        if (!error.Fields.IsDefaultOrEmpty)
        {
            var request = new BadRequest();
            request.FieldViolations.AddRange(error.Fields.Select(field => new BadRequest.Types.FieldViolation
            {
                Field = field.Field,
                Description = field.Description,
            }));
            status.Details.Add(Any.Pack(request));
        }

        if (error.RetryAfter is { } delay)
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = delay.ToDuration() }));
        }

        // Only a defect needs somebody to look into the log of the service; other errors speak for themselves.
        if (error.Code is StatusCode.Internal)
        {
            status.Details.Add(Any.Pack(new RequestInfo { RequestId = requestId }));
        }

        return status;
    }
}
