package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
)

// A container runtime cannot know the API server, and the CRI has no field for a reason. So both travel
// beside the call: the kubelet sends the causes in the metadata of a call, the runtime answers with the
// steps it made in the trailer, or in the header what it made before a long wait, and the kubelet records them. A runtime that knows nothing of this
// ignores the one and leaves out the other.
const (
	// CRICausesKey is the metadata key of what [EncodeCauses] returns.
	CRICausesKey = "kubelab-causes"
	// CRIStepsKey is the key in header and trailer of what [EncodeSteps] returns.
	CRIStepsKey = "kubelab-steps"
)

// EncodeCauses is the value for [CRICausesKey]: the causes in ctx, or "" if there are none.
func EncodeCauses(ctx context.Context) string { return joinIDs(Causes(ctx)) }

// DecodeCauses puts into ctx what [EncodeCauses] took out of another process's context.
func DecodeCauses(ctx context.Context, value string) context.Context {
	return WithCauses(ctx, splitIDs(value)...)
}

// EncodeSteps is the value for [CRIStepsKey], "" for no steps. It is JSON in ASCII: metadata of a gRPC call
// takes nothing else.
func EncodeSteps(steps []Step) (string, error) {
	if len(steps) == 0 {
		return "", nil
	}
	document, err := json.Marshal(steps)
	if err != nil {
		return "", fmt.Errorf("encode steps: %w", err)
	}
	var ascii strings.Builder
	for _, r := range string(document) {
		if r < 0x7f {
			ascii.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&ascii, `\u%04x`, unit)
		}
	}
	return ascii.String(), nil
}

// DecodeSteps reads what [EncodeSteps] wrote. The steps have no ID: [Recorder.Record] gives them one.
func DecodeSteps(value string) ([]Step, error) {
	if value == "" {
		return nil, nil
	}
	var steps []Step
	if err := json.Unmarshal([]byte(value), &steps); err != nil {
		return nil, fmt.Errorf("decode steps: %w", err)
	}
	return steps, nil
}
