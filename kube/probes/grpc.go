package probes

import (
	"context"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// check asks a server by gRPC's own protocol of health. The wording of failures is that of upstream.
func check(ctx context.Context, host string, port int, service string, timeout time.Duration) Outcome {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address := hostPort(host, port)
	connection, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithUserAgent("kube-probe/"+Version),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return dial(ctx, address) }))
	if err != nil {
		return failed("error: failed to connect service at %q: %v", address, err)
	}
	defer connection.Close()
	for state := connection.GetState(); state != connectivity.Ready; state = connection.GetState() {
		connection.Connect()
		if !connection.WaitForStateChange(ctx, state) {
			return failed("timeout: failed to connect service %q within %v: %v", address, timeout, ctx.Err())
		}
	}
	answer, err := health.NewHealthClient(connection).Check(ctx, &health.HealthCheckRequest{Service: service})
	switch {
	case status.Code(err) == codes.Unimplemented:
		return failed("error: this server does not implement the grpc health protocol (grpc.health.v1.Health): %s", status.Convert(err).Message())
	case status.Code(err) == codes.DeadlineExceeded:
		return failed("timeout: health rpc did not complete within %v", timeout)
	case err != nil:
		return failed("error: health rpc probe failed: %v", err)
	case answer.GetStatus() != health.HealthCheckResponse_SERVING:
		return failed("service unhealthy (responded with %q)", answer.GetStatus())
	}
	return Outcome{Verdict: Success, Message: "service healthy"}
}
