package streams

import (
	"errors"
	"net/http"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream" //lint:ignore SA1019 the interfaces of client-go are in its words
	clientspdy "k8s.io/client-go/transport/spdy"
)

// errCutOff says that a session broke off: nobody knows how its command goes on.
var errCutOff = errors.New("lost the connection to the container before its command had ended")

// lastWord notes whether a session's end was told. To client-go an end without a word is a success, so a command whose node went
// would look like one that did well.
type lastWord struct {
	clientspdy.Upgrader
	answered atomic.Bool // by the other side, whatever it said
	said     atomic.Bool
}

// NewConnection listens in to the stream on which the end is told.
func (l *lastWord) NewConnection(answer *http.Response) (httpstream.Connection, error) {
	l.answered.Store(true)
	conn, err := l.Upgrader.NewConnection(answer)
	return &session{conn, l}, err
}

type session struct {
	httpstream.Connection
	end *lastWord
}

// CreateStream opens one of the session's streams.
func (s *session) CreateStream(headers http.Header) (httpstream.Stream, error) {
	stream, err := s.Connection.CreateStream(headers)
	if err == nil && headers.Get(corev1.StreamType) == corev1.StreamTypeError {
		return &errorStream{stream, s.end}, nil
	}
	return stream, err
}

type errorStream struct {
	httpstream.Stream
	end *lastWord
}

// Read reads how the session ended.
func (e *errorStream) Read(p []byte) (int, error) {
	n, err := e.Stream.Read(p)
	if n > 0 {
		e.end.said.Store(true)
	}
	return n, err
}
