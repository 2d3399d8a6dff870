package cri

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestARuntimeThatHangsHoldsNobodyUpForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := bufconn.Listen(1 << 16)
		hangs := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			<-stream.Context().Done()
			return stream.Context().Err()
		}))
		served := make(chan error, 1)
		go func() { served <- hangs.Serve(listener) }()
		connection, err := grpc.NewClient("passthrough:runtime", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithChainUnaryInterceptor(carryCauses(nil)))
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			limit, want time.Duration
		}{{0, callPatience}, {time.Hour, time.Hour}, {time.Second, time.Second}} {
			ctx, began := t.Context(), time.Now()
			if test.limit > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, test.limit)
				defer cancel()
			}
			_, err := runtimeapi.NewRuntimeServiceClient(connection).ListContainers(ctx, &runtimeapi.ListContainersRequest{})
			if took := time.Since(began); status.Code(err) != codes.DeadlineExceeded || took != test.want {
				t.Errorf("a call with the limit %v has ended after %v with %v", test.limit, took, err)
			}
		}
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
		hangs.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
