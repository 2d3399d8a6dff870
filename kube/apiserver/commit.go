package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/request"
	"kubelab/kube/store"
	"kubelab/kube/trace"
)

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// claimsPrefix is where claims lie: /claims/clusterip/10.96.0.10 holds the key of the object that has it.
const claimsPrefix = "/claims/"

// maxStored is how many bytes an object may have: etcd takes 1.5 MiB in a transaction, and the step needs some.
const maxStored = 3<<19 - 64<<10

// errMoved says that something beside the object has changed a moment ago: a claim was taken by another object, or
// the namespace was written. Look again.
var errMoved = errors.New("what the write relied on has changed")

// mutation is one write of one object: what it was, what it becomes, and why.
type mutation struct {
	c        *call
	old, new api.Object // old is nil on create, new is nil on delete
	revision store.Revision
	claims   []string // that the object holds afterwards
	held     []string // that it held before

	namespace api.Object // on create: it must still be as it was seen here
}

// commit writes the object, its claims and the step in one transaction. The new object then has its
// resourceVersion. On a dry run it only finds out whether it could.
func (s *Server) commit(w *mutation) error {
	subject := w.new
	if subject == nil {
		subject = w.old
	}
	objectKey := key(w.c.kind, subject.GetNamespace(), subject.GetName())
	change := store.Change{Expect: map[string]store.Revision{objectKey: w.revision}}
	if w.new == nil {
		change.Delete = append(change.Delete, objectKey)
	} else {
		value, err := encodeObject(w.c.kind, w.new)
		if err != nil {
			return err
		}
		if len(value) > maxStored {
			return request.TooLarge("the object has %d bytes: limit is %d", len(value), maxStored)
		}
		change.Put = append(change.Put, store.Put{Key: objectKey, Value: value, Expires: w.c.kind.Transient})
	}
	if w.namespace != nil {
		change.Expect[prefix(s.serves.Load().byKey["namespaces"], "")+w.namespace.GetName()] = revisionOf(w.namespace)
	}
	addClaims(&change, w, objectKey)
	if err := addStep(&change, w, subject); err != nil {
		return err
	}
	if w.c.options.DryRun() { // the store is asked the same question, and nothing is written
		change.Put, change.Delete = nil, nil
	}
	revision, err := s.Store.Commit(w.c.r.Context(), change)
	switch {
	case err != nil:
		return s.explainConflict(w, objectKey, err)
	case w.new == nil:
	case !w.c.options.DryRun():
		w.new.SetResourceVersion(strconv.FormatInt(int64(revision), 10))
	case w.old != nil:
		w.new.SetResourceVersion(w.old.GetResourceVersion())
	}
	return nil
}

// settle tries a write until it is carried out or refused. Where another write came in between, what the try was
// decided by is no longer so: it is decided again, until the request's time is over.
func (c *call) settle(try func() error) error {
	for {
		err := try()
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, errMoved) {
			return err
		}
		if ended := c.r.Context().Err(); ended != nil {
			return ended
		}
	}
}

// confirm is the commit of a write that has nothing to change: that must be so of what the store has.
func (s *Server) confirm(w *mutation) error {
	record, err := s.Store.Get(w.c.r.Context(), key(w.c.kind, w.old.GetNamespace(), w.old.GetName()))
	if err != nil && !isNotFound(err) {
		return err
	}
	if record.Revision != w.revision {
		return store.ErrConflict
	}
	return nil
}

func addClaims(change *store.Change, w *mutation, owner string) {
	for _, claim := range w.claims {
		if !slices.Contains(w.held, claim) {
			change.Expect[claimsPrefix+claim] = 0
			change.Put = append(change.Put, store.Put{Key: claimsPrefix + claim, Value: []byte(owner)})
		}
	}
	for _, claim := range w.held {
		if !slices.Contains(w.claims, claim) {
			change.Delete = append(change.Delete, claimsPrefix+claim)
		}
	}
}

// explainConflict tells an object that has changed from something beside it that has.
func (s *Server) explainConflict(w *mutation, objectKey string, err error) error {
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	record, readErr := s.Store.Get(w.c.r.Context(), objectKey)
	if readErr != nil && !isNotFound(readErr) {
		return readErr
	}
	if record.Revision != w.revision { // of a record that is not there it is 0
		return err
	}
	// The cache, which shows the claims and the namespace, has to catch up before another look is worth it.
	if err := s.cache.Fresh(w.c.r.Context()); err != nil {
		return err
	}
	return errMoved
}

// claim lets the kind allocate what the object lacks.
func (s *Server) claim(w *mutation) error {
	if w.c.kind.Claim == nil {
		return nil
	}
	var err error
	if w.old != nil {
		// What the old object has, it held: allocating it anew changes nothing.
		if w.held, err = w.c.kind.Claim(w.old.DeepCopyObject().(api.Object), nobody); err != nil {
			return err
		}
	}
	if w.new != nil {
		w.claims, err = w.c.kind.Claim(w.new, func(claim string) bool {
			return !slices.Contains(w.held, claim) && s.claimed(w.c.r.Context(), claim)
		})
	}
	return err
}

func nobody(string) bool { return false }

// claimed says whether an object holds a claim. The cache may be a moment behind, so what it believes to be taken is
// asked of the store; what it does not know yet, the transaction finds out.
func (s *Server) claimed(ctx context.Context, claim string) bool {
	if s.cache.Peek(claimsPrefix+claim) == nil {
		return false
	}
	_, err := s.Store.Get(ctx, claimsPrefix+claim)
	return !isNotFound(err)
}

// addStep puts the reason of a write beside it. Heartbeats and messages leave none.
func addStep(change *store.Change, w *mutation, subject api.Object) error {
	if w.c.kind.Quiet {
		return nil
	}
	step := w.c.step()
	step.Object = trace.Ref{Resource: w.c.kind.Plural, Namespace: subject.GetNamespace(), Name: subject.GetName()}
	switch {
	case w.new == nil:
		step.Verb = "delete"
	case w.old == nil: // also by an apply
		step.Verb = "create"
	}
	value, err := json.Marshal(step)
	if err != nil {
		return err
	}
	change.Put = append(change.Put, store.Put{Key: stepKey(step), Value: value, Expires: true})
	return nil
}

// step is what the record says of a call that writes. What a person asks for is a root; what a component
// does has the causes that it names.
func (c *call) step() trace.Step {
	step := trace.Step{Time: time.Now(), Component: c.user.name, Verb: c.verb}
	if c.subresource != "" {
		step.Verb += " " + c.subresource // create binding, patch status
	}
	agent := c.r.UserAgent()
	if !c.user.component() {
		step.Root = trace.Request
		step.Detail, _, _ = strings.Cut(agent, " ")
		if c.user.sender != "" {
			step.Detail = "sent by " + c.user.sender + " with " + step.Detail
		}
		return trace.Bounded(step)
	}
	step.Component = c.user.speaks[0]
	if step.Component == "kubelet" {
		step.Host = c.user.host // what the control plane writes is of no one host: its leader may be any
	}
	return trace.Bounded(trace.Fill(trace.FromHeader(context.Background(), c.r.Header), step))
}
