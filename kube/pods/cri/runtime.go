package cri

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/trace"
)

// Runtime is a container runtime: whatever answers to the CRI.
type Runtime struct {
	runtimeapi.RuntimeServiceClient
	Images runtimeapi.ImageServiceClient
}

// maxMessage is the size of the largest answer that is accepted, as upstream's kubelet has it.
const maxMessage = 16 << 20

// redial is how soon a runtime that went away is called again. It is on this machine: that costs nothing.
var redial = backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, MaxDelay: time.Second}

// Dial makes a connection to the runtime at a unix socket (unix:///run/runtime.sock). Nothing is sent yet: a
// runtime that is down is no error here. What its calls did is written down by recorder. The caller calls close.
func Dial(endpoint string, recorder *trace.Recorder) (runtime *Runtime, close func() error, err error) {
	connection, err := grpc.NewClient(endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()), // the socket is root's alone
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: redial, MinConnectTimeout: time.Second}),
		grpc.WithChainUnaryInterceptor(carryCauses(recorder)))
	if err != nil {
		return nil, nil, fmt.Errorf("connect to runtime %s: %w", endpoint, err)
	}
	return &Runtime{
		runtimeapi.NewRuntimeServiceClient(connection), runtimeapi.NewImageServiceClient(connection),
	}, connection.Close, nil
}

// callPatience is how long a call may take that says nothing else, as upstream's kubelet has it. A runtime that hangs holds nobody up for ever.
const callPatience = 2 * time.Minute

// carryCauses tells the runtime why each call is made, and writes down the steps that it answers with. A call is made as
// a stream of one message each way, which it is on the wire: so what the runtime tells before a long wait is heard then.
func carryCauses(recorder *trace.Recorder) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn,
		_ grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if _, limited := ctx.Deadline(); !limited {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, callPatience)
			defer cancel()
		}
		if causes := trace.EncodeCauses(ctx); causes != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, trace.CRICausesKey, causes)
		}
		call, err := connection.NewStream(ctx, &grpc.StreamDesc{}, method, options...)
		if err != nil {
			return err
		}
		record := func(answer metadata.MD) {
			for _, value := range answer.Get(trace.CRIStepsKey) {
				steps, err := trace.DecodeSteps(value)
				if err != nil {
					slog.Warn("the runtime's steps are lost", "call", method, "error", err)
				}
				for _, step := range steps {
					madeIn(ctx, recorder.Record(ctx, step))
				}
			}
		}
		if err := call.SendMsg(request); err != nil {
			return err
		}
		if early, err := call.Header(); err == nil {
			record(early)
		} // else the answer says the same
		err = call.RecvMsg(reply)
		record(call.Trailer())
		return err
	}
}

type madeKey struct{}

// Made are the steps that came of a piece of work.
type Made struct {
	mu  sync.Mutex
	ids []trace.ID
}

// All are those until now.
func (m *Made) All() []trace.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ids
}

// WithMade returns a context that gathers the steps that come of the work done in it.
func WithMade(ctx context.Context) (context.Context, *Made) {
	m := &Made{}
	return context.WithValue(ctx, madeKey{}, m), m
}

func madeIn(ctx context.Context, id trace.ID) {
	if m, ok := ctx.Value(madeKey{}).(*Made); ok {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ids = append(m.ids, id)
	}
}
