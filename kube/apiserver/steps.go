package apiserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/access"
	"kubelab/kube/apiserver/answer"
	"kubelab/kube/apiserver/request"
	"kubelab/kube/store"
	"kubelab/kube/trace"
)

// Steps lie beside the objects under a prefix of their own. They are no kind: nobody edits or applies them.
const (
	stepsPath   = trace.Path
	stepsPrefix = "/steps/"
)

// stepKey is where the step of a write lies. Its ID is the revision of the write, which is not known before.
func stepKey(step trace.Step) string {
	return fmt.Sprintf("%s%x-%04x", stepsPrefix, step.Time.UnixNano(), rand.N(1<<16))
}

// serveSteps takes batches of steps from components (POST), and gives out the record (GET), with watch=true as a
// stream of JSON documents, one a line.
func (s *Server) serveSteps(c *call) error {
	switch c.r.Method {
	case http.MethodPost:
		return s.takeSteps(c)
	case http.MethodGet:
		if c.streams() {
			return s.watchSteps(c)
		}
		if err := s.cache.Fresh(c.r.Context()); err != nil {
			return err
		}
		answer.JSON(c.w, c.r, http.StatusOK, stepsOf(s.cache.Log().All()))
		return nil
	}
	return apierrors.NewMethodNotSupported(noResource, c.r.Method)
}

// takeSteps stores what a component did. Its certificate says who it is and where: under no other name does it get anything in.
func (s *Server) takeSteps(c *call) error {
	if !c.user.component() {
		return apierrors.NewForbidden(noResource, stepsPath, errors.New("only components of the cluster record steps"))
	}
	steps, err := readSteps(c)
	if err != nil {
		return err
	}
	puts := map[string]store.Put{}
	for i, step := range steps {
		if problems := checkStep(c.user, step); len(problems) > 0 {
			return apierrors.NewInvalid(stepKind, fmt.Sprintf("%d", i), problems)
		}
		value, err := json.Marshal(step)
		if err != nil {
			return apierrors.NewInternalError(err)
		}
		put := store.Put{Key: stepsPrefix + string(step.ID), Value: value, Expires: true}
		puts[put.Key] = put
	}
	if err := s.storeOnce(c, puts); err != nil {
		return err
	}
	answer.JSON(c.w, c.r, http.StatusOK, answer.Success())
	return nil
}

var stepKind = schema.GroupKind{Kind: "Step"}

func readSteps(c *call) ([]trace.Step, error) {
	body, err := request.ReadBodyAs(c.w, c.r, runtime.ContentTypeJSON)
	if err != nil {
		return nil, err
	}
	var steps []trace.Step
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&steps); err != nil {
		return nil, apierrors.NewBadRequest("read steps: " + err.Error())
	}
	if len(steps) > trace.MaxBatch {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%d steps: a batch may have %d", len(steps), trace.MaxBatch))
	}
	return steps, nil
}

// checkStep says what a user may not have recorded. A request is a root only as a person's.
func checkStep(from user, step trace.Step) field.ErrorList {
	problems := trace.Check(step, time.Now())
	names := from.speaks
	if !slices.Contains(names, step.Component) {
		problems = append(problems, field.NotSupported(field.NewPath("component"), step.Component, names))
	}
	if step.Host != from.host {
		problems = append(problems, field.Invalid(field.NewPath("host"), step.Host, fmt.Sprintf("the certificate says %q", from.host)))
	}
	if prefix := trace.Prefix(names[0], from.host); !strings.HasPrefix(string(step.ID), prefix) || strings.ContainsAny(string(step.ID), "/ ") {
		problems = append(problems, field.Invalid(field.NewPath("id"), step.ID, fmt.Sprintf("must begin with %q and have neither slash nor space", prefix)))
	}
	if person := step.Component == access.AdminUser; person != (step.Root == trace.Request) {
		problems = append(problems, field.Invalid(field.NewPath("root"), step.Root, "what a person asked for is a request, and nothing else is"))
	}
	return problems
}

// storeOnce stores steps, each once: one that is sent again is not stored again, and another with its ID is refused.
func (s *Server) storeOnce(c *call, puts map[string]store.Put) error {
	for len(puts) > 0 {
		change := store.Change{Expect: map[string]store.Revision{}}
		for key, put := range puts {
			change.Put = append(change.Put, put)
			change.Expect[key] = 0
		}
		if _, err := s.Store.Commit(c.r.Context(), change); !errors.Is(err, store.ErrConflict) {
			return err
		}
		for key, put := range puts {
			known, err := s.Store.Get(c.r.Context(), key)
			switch {
			case isNotFound(err):
			case err != nil:
				return err
			case !bytes.Equal(known.Value, put.Value):
				return apierrors.NewConflict(schema.GroupResource{Resource: "steps"}, strings.TrimPrefix(key, stepsPrefix), errors.New("another step has this ID"))
			default:
				delete(puts, key)
			}
		}
	}
	return nil
}

func stepsOf(items []*store.Item) []*trace.Step {
	steps := make([]*trace.Step, 0, len(items))
	for _, item := range items {
		if step, ok := item.Object.(*trace.Step); ok {
			steps = append(steps, step)
		}
	}
	return steps
}

// watchSteps sends all steps there are, and then each new one. A client that reads slowly delays nobody and misses nothing
// but what expires.
func (s *Server) watchSteps(c *call) error {
	if err := s.cache.Fresh(c.r.Context()); err != nil {
		return err
	}
	log := s.cache.Log()
	c.w.Header().Set("Content-Type", "application/json")
	lines, out := json.NewEncoder(c.w), http.NewResponseController(c.w)
	for position := int64(0); ; {
		items, next, more, open := log.From(position)
		for _, step := range stepsOf(items) {
			if lines.Encode(step) != nil {
				return nil
			}
		}
		if position != next {
			position = next
			continue
		}
		if out.Flush() != nil || !open {
			return nil
		}
		select {
		case <-c.r.Context().Done():
			return nil
		case <-more:
		}
	}
}
