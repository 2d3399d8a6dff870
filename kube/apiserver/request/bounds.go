package request

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protowire"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// What a request may grow to. Its bytes are bounded, but a few of them can ask for gigabytes: a patch that copies into
// itself, a YAML document whose aliases name each other, a list of empty objects.
const (
	maxBody     = 3 << 20 // bytes of a request, as upstream
	maxExpanded = 3 << 20 // bytes of a YAML document with its aliases written out
	maxValues   = 100_000 // in a document: an empty object of three bytes becomes a Go struct of up to a kilobyte
	maxTerms    = 1_000   // and values of a selector, each held against each object
)

// TooLarge is the answer to a request that asks for more than it may: a Status.
func TooLarge(format string, args ...any) error {
	return apierrors.NewRequestEntityTooLargeError(fmt.Sprintf(format, args...))
}

// CheckSize refuses a document that would take much more memory than it has bytes: with a Status that says too large.
func CheckSize(document []byte, mediaType string) error {
	switch {
	case mediaType == runtime.ContentTypeProtobuf:
		fields, _ := countFields(bytes.TrimPrefix(document, protobufMagic), 0)
		return checkValues(fields)
	case mediaType == runtime.ContentTypeYAML || mediaType == string(types.ApplyYAMLPatchType):
		if err := checkValues(countValues(document) + bytes.Count(document, []byte("\n"))); err != nil || json.Valid(document) {
			return err // before a parser takes memory for each
		}
		return checkYAML(document)
	}
	return checkValues(countValues(document))
}

func checkValues(values int) error {
	if values > maxValues {
		return TooLarge("the document has more values than %d", maxValues)
	}
	return nil
}

// countValues is about how many values a JSON document has: what it separates and what it nests. Strings are passed over.
func countValues(document []byte) int {
	count, quoted := 0, false
	for i := 0; i < len(document); i++ {
		switch c := document[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '{' || c == '['):
			count++
		}
	}
	return count
}

// CountElements is about how many elements the lists of a JSON document have together.
func CountElements(document []byte) int {
	count, quoted := 0, false
	var inList []bool // of each bracket that is open
	for i := 0; i < len(document); i++ {
		switch c := document[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[', c == '{':
			inList = append(inList, c == '[')
			if c == '[' {
				count++
			}
		case (c == ']' || c == '}') && len(inList) > 0:
			inList = inList[:len(inList)-1]
		case c == ',' && len(inList) > 0 && inList[len(inList)-1]:
			count++
		}
	}
	return count
}

// checkYAML holds a YAML document against the bounds as it is with all aliases written out.
func checkYAML(document []byte) error {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return apierrors.NewBadRequest("read YAML: " + err.Error())
	}
	size := expansion{}
	size.add(&root, 0)
	if size.bytes > maxExpanded {
		return TooLarge("the YAML document with its aliases written out has more than %d bytes", maxExpanded)
	}
	return checkValues(size.values)
}

// expansion is what a YAML document has with its aliases written out. Counting ends where it is too much.
type expansion struct{ bytes, values int }

// maxDepth is how deep values may lie in each other, as in Go's JSON.
const maxDepth = 10_000

func (e *expansion) add(node *yaml.Node, depth int) {
	if e.bytes > maxExpanded || e.values > maxValues {
		return
	}
	if depth > maxDepth { // an alias of a part that it is in, too
		e.values = maxValues + 1
		return
	}
	e.bytes += len(node.Value) + 1
	e.values++
	if node.Alias != nil {
		e.add(node.Alias, depth+1)
	}
	for _, part := range node.Content {
		e.add(part, depth+1)
	}
}

// protobufMagic is how a Kubernetes object in protobuf begins.
var protobufMagic = []byte{'k', '8', 's', 0}

// maxMessages is how deep messages are looked for in each other.
const maxMessages = 100

// countFields is how many strings, bytes and messages a protobuf message has, with those of all that could be a message in it: what
// is one and what only bytes, the wire does not tell. Numbers take hardly more memory than bytes, and much text could be numbers. It
// ends where there are too many.
func countFields(message []byte, depth int) (count int, valid bool) {
	for len(message) > 0 && count <= maxValues {
		_, kind, size := protowire.ConsumeField(message)
		if size < 0 {
			return 0, false
		}
		if kind == protowire.BytesType {
			count++
		}
		if kind == protowire.BytesType && depth < maxMessages {
			_, _, tag := protowire.ConsumeTag(message)
			inner, _ := protowire.ConsumeBytes(message[tag:])
			if fields, isMessage := countFields(inner, depth+1); isMessage {
				count += fields
			}
		}
		message = message[size:]
	}
	return count, true
}
