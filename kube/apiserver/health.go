package apiserver

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// healthCheck is one thing that must be well. The path of a question about it alone ends in its name.
type healthCheck struct {
	name string
	try  func(*Server) error
}

// What each question asks. A server lives as soon as it answers; it is ready, and healthy, when it has all objects.
var (
	pingCheck    = healthCheck{"ping", func(*Server) error { return nil }}
	objectsCheck = healthCheck{"etcd", func(s *Server) error {
		if !s.ready.Load() {
			return errors.New("the store is not read yet: is etcd up?")
		}
		return nil
	}}
	healthChecks = map[string][]healthCheck{
		"livez":   {pingCheck},
		"readyz":  {pingCheck, objectsCheck},
		"healthz": {pingCheck, objectsCheck},
	}
)

// serveHealth answers /livez, /readyz and /healthz, what is below them (/readyz/ping), and with ?verbose at length. It
// returns false for other paths.
func (s *Server) serveHealth(c *call) bool {
	question, one, alone := strings.Cut(strings.Trim(c.r.URL.Path, "/"), "/")
	checks := healthChecks[question]
	if alone {
		checks = slices.DeleteFunc(slices.Clone(checks), func(check healthCheck) bool { return check.name != one })
	}
	if len(checks) == 0 {
		return false
	}
	var report bytes.Buffer
	well := true
	for _, check := range checks {
		if err := check.try(s); err != nil {
			well = false
			fmt.Fprintf(&report, "[-]%s failed: %v\n", check.name, err)
		} else {
			fmt.Fprintf(&report, "[+]%s ok\n", check.name)
		}
	}
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case !well:
		c.w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(c.w, "%s%s check failed\n", &report, question)
	case c.r.URL.Query().Has("verbose") && !alone:
		fmt.Fprintf(c.w, "%s%s check passed\n", &report, question)
	default:
		fmt.Fprint(c.w, "ok")
	}
	return true
}
