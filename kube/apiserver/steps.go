package apiserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

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
		writeJSON(c.w, c.r, http.StatusOK, stepsOf(s.cache.Log().All()))
		return nil
	}
	return apierrors.NewMethodNotSupported(noResource, c.r.Method)
}

// maxDetail bounds what one step may say.
const maxDetail = 1024

func (s *Server) takeSteps(c *call) error {
	if !c.user.component() {
		return apierrors.NewForbidden(noResource, stepsPath, errors.New("only components of the cluster record steps"))
	}
	body, err := readAll(c)
	if err != nil {
		return err
	}
	var steps []trace.Step
	if err := json.Unmarshal(body, &steps); err != nil {
		return apierrors.NewBadRequest("read steps: " + err.Error())
	}
	var change store.Change
	for _, step := range steps {
		if step.ID == "" || strings.ContainsAny(string(step.ID), "/ ") {
			return apierrors.NewBadRequest("id: Required value: a step needs an ID, so that it may be sent twice")
		}
		step.Detail = step.Detail[:min(len(step.Detail), maxDetail)]
		value, err := json.Marshal(step)
		if err != nil {
			return apierrors.NewInternalError(err)
		}
		change.Put = append(change.Put, store.Put{Key: stepsPrefix + string(step.ID), Value: value, Expires: true})
	}
	if len(change.Put) > 0 {
		if _, err := s.Store.Commit(c.r.Context(), change); err != nil {
			return err
		}
	}
	writeJSON(c.w, c.r, http.StatusOK, success())
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
