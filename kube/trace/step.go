package trace

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ID names a step. A step that wrote to the API has the ID that [Wrote] makes of its revision; any
// other has the ID that its [Recorder] gave it.
type ID string

// Wrote is the ID of the step that wrote the given revision (an object's metadata.resourceVersion).
func Wrote(resourceVersion string) ID { return ID("r" + resourceVersion) }

// Root says of which kind a step without causes is.
type Root string

// The three kinds of root. The empty Root marks a step that has causes.
const (
	Request Root = "request" // a person, or a program that is no part of the cluster, asked
	Clock   Root = "clock"   // a time came: a back-off, a lease that ran out, a period
	Event   Root = "event"   // the world outside changed: a process ended, a node vanished
)

// Ref names an object by its resource, as kubectl does: pods/shop/web-1.
type Ref struct {
	Resource  string `json:"resource"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String is resource/namespace/name, or resource/name where there is no namespace.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Resource + "/" + r.Name
	}
	return r.Resource + "/" + r.Namespace + "/" + r.Name
}

// Step is one thing that one component did.
type Step struct {
	ID        ID        `json:"id,omitempty"`
	Time      time.Time `json:"time"`
	Component string    `json:"component"`      // "scheduler", "kubelet", … or the user of a request
	Host      string    `json:"host,omitempty"` // the node, where the step is a node's
	Verb      string    `json:"verb"`           // "create", "patch", "attach", …
	Object    Ref       `json:"object"`
	Causes    []ID      `json:"causes,omitempty"`
	Root      Root      `json:"root,omitempty"`
	Revision  int64     `json:"revision,omitempty"` // of the store, if the step wrote to it
	Detail    string    `json:"detail,omitempty"`   // a short reason or result; never a Secret's content
	Source    string    `json:"source,omitempty"`   // "kube/replicasets/operator.go:71", where it was decided

	Plan json.RawMessage `json:"plan,omitempty"` // what the loop compared and chose; see Decided
}

// SetRevision makes the step that of a write: the revision becomes its ID.
func (s *Step) SetRevision(revision int64) {
	s.Revision = revision
	s.ID = Wrote(strconv.FormatInt(revision, 10))
}

// ParseRef reads what a person types after "kube why": pod/web-1, pods/web-1 or pods/shop/web-1.
// plurals maps every accepted name of a resource to its plural.
func ParseRef(text, namespace string, plurals map[string]string) (Ref, error) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[len(parts)-1] == "" {
		return Ref{}, fmt.Errorf("%q names no object: write RESOURCE/NAME, as in pod/web-1", text)
	}
	plural, known := plurals[strings.ToLower(parts[0])]
	if !known {
		return Ref{}, fmt.Errorf("the server has no resource %q: kubectl api-resources lists them", parts[0])
	}
	if len(parts) == 3 {
		namespace = parts[1]
	}
	return Ref{Resource: plural, Namespace: namespace, Name: parts[len(parts)-1]}, nil
}
