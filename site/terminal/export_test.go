//go:build linux

package terminal

import (
	"testing"
	"time"
)

// GiveTime lets programs take so long to end when their terminal is gone, until the test ends.
func GiveTime(t *testing.T, long time.Duration) {
	before := farewell
	farewell = long
	t.Cleanup(func() { farewell = before })
}
