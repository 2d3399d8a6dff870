//go:build linux

package containers_test

import (
	"strings"
	"sync"
	"testing"
)

// screen collects output that a test waits for.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func newScreen() *screen { return &screen{} }

func (s *screen) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(data)
}

func (s *screen) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

func (s *screen) waitFor(t *testing.T, text string) {
	t.Helper()
	waitFor(t, "output "+text, func() bool { return s.has(text) })
}
