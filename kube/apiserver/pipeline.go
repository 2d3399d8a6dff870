package apiserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
	"kubelab/kube/apiserver/health"
	"kubelab/kube/apiserver/request"
	"kubelab/kube/deadlines"
	"kubelab/kube/store"
)

// A request goes downhill through this file: parse, authenticate, impersonate, authorize, options; a write then through decode, admit, decide,
// validate, commit; and at the end there is an answer.

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.parse(r)
	var unknown error
	if c.user, unknown = s.authenticate(r); unknown != nil {
		err = unknown
	}
	counted, done := s.metrics.Observe(w, r, health.Request{Verb: c.verb, Kind: c.kind, Subresource: c.subresource, Lasts: c.streams()})
	defer done()
	c.w = counted
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: // what was sent is not all: the connection is broken off, so that the client knows
			panic(p)
		default:
			slog.Error("a request panicked", "method", r.Method, "url", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			answer.Error(c.w, r, apierrors.NewInternalError(fmt.Errorf("%v", p)))
		}
	}()
	if err == nil {
		err = s.serve(c)
	}
	if err != nil {
		answer.Error(c.w, r, err)
	}
}

// serve takes a call through what comes before every answer.
func (s *Server) serve(c *call) error {
	if err := s.impersonate(c); err != nil {
		return err
	}
	if err := s.authorize(c); err != nil {
		return err
	}
	if c.streams() {
		deadlines.Lift(c.w)
	}
	if err := c.readOptions(); err != nil {
		return err
	}
	end, err := c.limitTime()
	if err != nil {
		return err
	}
	defer end()
	return s.dispatch(c)
}

// readOptions reads how the request is to be carried out, and in which form it is to be answered.
func (c *call) readOptions() (err error) {
	if c.kind == nil || c.connects() {
		return nil
	}
	if c.notAcceptable != nil {
		return c.notAcceptable
	}
	c.options, err = request.Read(c.w, c.r, c.verb)
	c.view.Include = c.options.Table.IncludeObject
	return err
}

// longest is how long a request may take that does not ask for less. Streams may last.
const longest = time.Minute

// limitTime gives the request its deadline: what it asks for, at most [longest].
func (c *call) limitTime() (context.CancelFunc, error) {
	if c.streams() {
		return func() {}, nil
	}
	limit, err := request.Timeout(c.r.URL.Query())
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = longest
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), min(limit, longest))
	c.r = c.r.WithContext(ctx)
	return cancel, nil
}

// dispatch leads a call to what answers it.
func (s *Server) dispatch(c *call) error {
	switch {
	case c.kind == nil:
		return s.servePath(c)
	case !c.known():
		return answer.NoSuchPath()
	case !slices.Contains(c.verbs(), c.verb), c.verb == "create" && c.name != "" && c.subresource == "",
		c.name == "" && (c.verb == "update" || c.verb == "patch"):
		return apierrors.NewMethodNotSupported(c.kind.Resource().GroupResource(), c.verb)
	case c.kind.Unstored:
		return s.serveReview(c)
	case c.connects():
		return s.serveConnection(c)
	case c.sub != nil && c.sub.Issues && s.Tokens != nil:
		return s.serveToken(c)
	}
	switch c.verb {
	case "get":
		return s.serveGet(c)
	case "list":
		return s.serveList(c)
	case "watch":
		return s.serveWatch(c)
	case "deletecollection":
		return s.serveDeleteCollection(c)
	}
	return s.serveWrite(c)
}

// serveWrite reads what the request wants, carries it out and tells what came of it.
func (s *Server) serveWrite(c *call) error {
	if c.sub != nil && c.sub.Delete != nil {
		return s.serveDeletion(c)
	}
	wanted, err := s.decode(c)
	if err != nil {
		return err
	}
	done, err := s.write(c, wanted)
	if err != nil {
		return err
	}
	return c.tell(done)
}

// edit makes the object that is wanted out of the one that there is, which it must not change. On create that is nil. It is called again
// when another write was faster.
type edit func(have api.Object) (api.Object, error)

// intent is what a write wants, in whichever way the client has said it.
type intent struct {
	act  Act
	edit edit // nil on delete
	// orCreate: where there is no object the edit makes one.
	orCreate bool
	// taken is the error where another object has the name of a new one. It is nil where another try may help.
	taken func(name string) error
}

// outcome is what came of a write.
type outcome struct {
	object  api.Object // as it is, or for one that was removed, as it was last
	effect  Effect
	created bool
}

// write decides and commits until no other write comes in between. The first try goes by what the cache knows of the object, which is
// nearly always how it is: a try that is carried out has proved that, as its transaction holds at that revision only. One that is
// refused proves nothing, so the next goes by what the store has.
func (s *Server) write(c *call, wanted intent) (done outcome, err error) {
	if known := s.known(c); known != nil && wanted.act != Create {
		var refused apierrors.APIStatus
		done, err = s.try(c, wanted, known)
		if !errors.As(err, &refused) && !errors.Is(err, store.ErrConflict) && !errors.Is(err, errMoved) {
			return done, err
		}
	}
	err = c.settle(func() error {
		have, err := s.have(c, wanted)
		if err == nil {
			done, err = s.try(c, wanted, have)
		}
		return err
	})
	return done, err
}

// known is a copy of the object that a call names as the cache has it, or nil.
func (s *Server) known(c *call) api.Object {
	item := s.cache.Peek(key(c.kind, c.namespace, c.name))
	if item == nil {
		return nil
	}
	found, ok := objectOf(item, c.kind)
	if !ok {
		return nil
	}
	return found.Is.DeepCopyObject().(api.Object)
}

// have is the object that a write is about, or nil where it is to be made.
func (s *Server) have(c *call, wanted intent) (api.Object, error) {
	if wanted.act == Create {
		return nil, nil
	}
	have, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
	if wanted.orCreate && apierrors.IsNotFound(err) {
		return nil, nil
	}
	return have, err
}

// try decides a write by what there is now, and commits it. It fails with a conflict where that is no longer so.
func (s *Server) try(c *call, wanted intent, have api.Object) (done outcome, err error) {
	act, uid := wanted.act, types.UID("")
	if have == nil {
		act, uid, done.created = Create, uuid.NewUUID(), true
		if err := s.mayCreate(c); err != nil {
			return done, err
		}
	}
	var object api.Object
	if wanted.edit != nil {
		if object, err = wanted.edit(have); err != nil {
			return done, err
		}
	}
	w := &mutation{c: c, old: have}
	if act == Create {
		if err := s.admit(c, object, w); err != nil {
			return done, err
		}
	}
	if w.new, err = Plan(Write{Kind: c.kind, Act: act, Have: have, Wanted: object, Deletion: c.options.Deletion, UID: uid, Now: time.Now()}); err != nil {
		return done, err
	}
	if err := s.check(c, act, w.new, have); err != nil {
		return done, err
	}
	done.object = w.new
	if done.effect, err = s.settleRecord(w); done.created && errors.Is(err, store.ErrConflict) {
		err = cmp.Or(wanted.taken(done.object.GetName()), err)
	}
	return done, err
}

// admit puts a new object where the path says, fills in its defaults, and asks the kind and the namespace whether it may come in. The
// write holds only if the namespace is still as it was seen here.
func (s *Server) admit(c *call, object api.Object, w *mutation) (err error) {
	if err := c.place(object); err != nil {
		return err
	}
	if c.kind.Default != nil {
		c.kind.Default(object)
	}
	if c.kind.Admit != nil {
		if err := c.kind.Admit(object, s.lookup(c.r.Context())); err != nil {
			return err
		}
	}
	w.namespace, err = s.namespaceOpen(c, object.GetNamespace())
	return err
}

// check holds a write, now that its object is known, against what the caller may do and what the kind allows, and notes whose fields it
// sets.
func (s *Server) check(c *call, act Act, object, have api.Object) error {
	if act == Change {
		return nil
	}
	if act == Delete {
		return s.restrict(c, nil, have)
	}
	if err := s.restrict(c, object, have); err != nil {
		return err
	}
	if err := s.track(c, have, object); err != nil {
		return err
	}
	if err := validate(c.kind, object, have); err != nil {
		return err
	}
	c.warnAbout(object, have)
	return nil
}

// settleRecord commits what becomes of the object, with what it claims.
func (s *Server) settleRecord(w *mutation) (Effect, error) {
	if err := s.claim(w); err != nil {
		return Nothing, err
	}
	if w.old != nil {
		w.revision = revisionOf(w.old)
	}
	effect := EffectOf(w.c.kind, w.old, w.new)
	switch effect {
	case Nothing:
		return Nothing, s.confirm(w)
	case Remove:
		w.new, w.claims = nil, nil
	}
	return effect, s.commit(w)
}

// tell answers with what came of a write.
func (c *call) tell(done outcome) error {
	switch {
	case c.sub != nil && c.verb == "create": // it has been done
		return c.view.Write(c.w, http.StatusCreated, nil, answer.Success())
	case c.scales():
		return c.view.Write(c.w, http.StatusOK, nil, scaleOf(c.kind, done.object))
	case c.verb == "delete" && done.effect == Remove:
		gone := answer.Success()
		gone.Details = &metav1.StatusDetails{Name: c.name, Group: c.kind.Group, Kind: c.kind.Plural, UID: done.object.GetUID()}
		return c.view.Write(c.w, http.StatusOK, nil, gone)
	case done.created:
		return c.view.Write(c.w, http.StatusCreated, c.kind, done.object)
	}
	return c.view.Write(c.w, http.StatusOK, c.kind, done.object)
}
