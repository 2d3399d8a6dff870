package record

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"kubelab/kube/trace"
)

var clusterName = regexp.MustCompile(`^[-a-z0-9]{0,63}$`)

func (f *Frame) check() error {
	switch {
	case f.Step != nil:
		return checkStep(*f.Step)
	case f.Object != nil:
		return f.Object.check()
	}
	return nil
}

// specified are the resources that are nothing without a spec, which the pictures rely on.
var specified = []string{"pods", "deployments", "replicasets", "services"}

// check makes sure that an object can be shown: that its body is one, of its name.
func (o Object) check() error {
	var body struct {
		Metadata struct{ Name string }
		Spec     *struct{}
	}
	if err := json.Unmarshal(o.Body, &body); err != nil {
		return fmt.Errorf("%q: its body is no object: %w", o.Ref.String(), err)
	}
	if body.Metadata.Name != o.Ref.Name {
		return fmt.Errorf("%q: its body is that of %q", o.Ref.String(), body.Metadata.Name)
	}
	if body.Spec == nil && slices.Contains(specified, o.Ref.Resource) {
		return fmt.Errorf("%q: its body has no spec", o.Ref.String())
	}
	return nil
}

func checkStep(s trace.Step) error {
	if len(s.Causes) > maxCauses {
		return fmt.Errorf("step %q has more than %d causes", s.ID, maxCauses)
	}
	return nil
}
