package pods

import "strings"

// How much a container may say at its end, in bytes: in its termination message, by its log, and what is left of both in the status of a pod, for all
// of its containers together.
const (
	maxWords    = 4096
	maxLogWords = 2048
	maxLogLines = 80
	maxPodWords = 12 << 10
)

// shortened leaves each of a pod's containers its share of what may be said.
func shortened(words string, containers int) string {
	if share := maxPodWords / max(containers, 1); len(words) > share {
		return strings.ToValidUTF8(words[:share], "")
	}
	return words
}
