package streams

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/remotecommand"
	clientspdy "k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// The channels of a websocket, in the order of the protocol.
const (
	stdinChannel = iota
	stdoutChannel
	stderrChannel
	errorChannel
	resizeChannel
)

// protocolV5 is the newest protocol of a session over a websocket.
const protocolV5 = "v5.channel.k8s.io"

// translate carries one exec or attach from a websocket to the target.
func (t *target) translate(w http.ResponseWriter, r *http.Request) error {
	wanted := t.Query
	asked := func(name string) bool {
		yes, err := strconv.ParseBool(wanted.Get(name))
		return err == nil && yes
	}
	terminal := asked("tty")
	channels := []wsstream.ChannelType{
		either(asked("stdin"), wsstream.ReadChannel), either(asked("stdout"), wsstream.WriteChannel),
		either(asked("stderr") && !terminal, wsstream.WriteChannel), wsstream.WriteChannel, wsstream.ReadChannel,
	}
	socket := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{protocolV5: {Binary: true, Channels: channels}})
	_, streams, err := socket.Open(w, r)
	if err != nil {
		return apierrors.NewBadRequest("open websocket: " + err.Error())
	}
	defer socket.Close()
	// An empty message tells the client that the connection stands.
	_, _ = streams[errorChannel].Write(nil)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	options := remotecommand.StreamOptions{Tty: terminal, TerminalSizeQueue: readSizes(ctx, streams[resizeChannel])}
	if asked("stdin") {
		options.Stdin = streams[stdinChannel]
	}
	if asked("stdout") {
		options.Stdout = streams[stdoutChannel]
	}
	if asked("stderr") && !terminal {
		options.Stderr = streams[stderrChannel]
	}
	err = t.stream(ctx, options)
	status, marshalErr := json.Marshal(outcome(err))
	if marshalErr == nil {
		_, _ = streams[errorChannel].Write(status) // a client that is gone needs no answer
	}
	return nil
}

func either(wanted bool, channel wsstream.ChannelType) wsstream.ChannelType {
	if wanted {
		return channel
	}
	return wsstream.IgnoreChannel
}

// stream runs the session at the target.
func (t *target) stream(ctx context.Context, options remotecommand.StreamOptions) error {
	transport, err := spdy.NewRoundTripperWithConfig(spdy.RoundTripperConfig{UpgradeTransport: t.transport})
	if err != nil {
		return err
	}
	end := &lastWord{Upgrader: clientspdy.NewUpgraderForStreaming(transport)}
	session, err := remotecommand.NewSPDYExecutorForTransports(transport, end, http.MethodPost, t.url)
	if err != nil {
		return err
	}
	err = session.StreamWithContext(ctx, options)
	if err != nil && !end.answered.Load() {
		return t.Unreachable(err)
	} else if err != nil {
		return err
	}
	if !end.said.Load() {
		return errCutOff
	}
	return nil
}

// outcome is what the client learns at the end: success, the exit code of the command, or what went wrong.
func outcome(err error) *metav1.Status {
	if err == nil {
		return &metav1.Status{Status: metav1.StatusSuccess}
	}
	var exit exec.CodeExitError
	if errors.As(err, &exit) {
		return &metav1.Status{
			Status: metav1.StatusFailure, Reason: "NonZeroExitCode", Message: exit.Error(),
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "ExitCode", Message: strconv.Itoa(exit.Code)}}},
		}
	}
	var told *apierrors.StatusError
	if errors.As(err, &told) {
		return &told.ErrStatus
	}
	return &apierrors.NewInternalError(err).ErrStatus
}

// sizes hands on the sizes of the client's terminal as they change.
type sizes chan remotecommand.TerminalSize

// Next returns the next size, or nil at the end.
func (s sizes) Next() *remotecommand.TerminalSize {
	size, more := <-s
	if !more {
		return nil
	}
	return &size
}

// readSizes reads sizes until the websocket ends or ctx is done.
func readSizes(ctx context.Context, from io.Reader) sizes {
	queue := make(sizes)
	go func() {
		defer close(queue)
		decoder := json.NewDecoder(from)
		for {
			var size remotecommand.TerminalSize
			if decoder.Decode(&size) != nil {
				return
			}
			select {
			case queue <- size:
			case <-ctx.Done():
				return
			}
		}
	}()
	return queue
}
