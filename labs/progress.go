package labs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
)

// Progress is what is done of the labs. It is kept in the cluster, in the ConfigMap kubelab/progress: it goes with the cluster.
type Progress struct {
	Client kubernetes.Interface
}

// Kept is what is kept of one lab.
type Kept struct {
	Done  map[string]time.Time `json:"done"`            // the steps and challenges that are done, and since when
	Left  bool                 `json:"left,omitempty"`  // it has left things in the cluster, which another lab would meet
	Said  map[string][]Answer  `json:"said,omitempty"`  // by step: what was predicted, question by question
	Hints map[string]int       `json:"hints,omitempty"` // by step or challenge: how many graded hints are open
	Begun map[string]Begun     `json:"begun,omitempty"` // the challenge whose fault is in the cluster
}

// Done is a step or a challenge that is done.
type Done struct {
	Step  string
	Left  bool     // it leaves things in the cluster
	Found []string // the outcome of each of its predictions
	At    time.Time
}

const (
	progressNamespace = "kubelab"
	progressName      = "progress"
)

// Of tells what is kept of a lab.
func (p *Progress) Of(ctx context.Context, lab string) (Kept, error) {
	kept, err := p.get(ctx)
	if err != nil {
		return Kept{}, err
	}
	return read(kept, lab)
}

// Left names the labs that have left things in the cluster. What cannot be read says nothing.
func (p *Progress) Left(ctx context.Context) (names []string, err error) {
	kept, err := p.get(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(kept.Data)) {
		one, err := read(kept, name)
		if err != nil {
			slog.WarnContext(ctx, "what a lab has left is not known", "error", err)
		}
		if one.Left {
			names = append(names, name)
		}
	}
	return names, nil
}

// get is the ConfigMap as it is; empty where there is none.
func (p *Progress) get(ctx context.Context) (*corev1.ConfigMap, error) {
	kept, err := p.Client.CoreV1().ConfigMaps(progressNamespace).Get(ctx, progressName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &corev1.ConfigMap{}, nil
	}
	return kept, err
}

func read(kept *corev1.ConfigMap, lab string) (one Kept, err error) {
	if text, found := kept.Data[lab]; found {
		err = json.Unmarshal([]byte(text), &one)
	}
	if err != nil {
		return Kept{}, fmt.Errorf("ConfigMap %s/%s: what is kept of %s cannot be read: %w (kube lab reset %s)", progressNamespace, progressName, lab, err, lab)
	}
	if one.Done == nil {
		one.Done = map[string]time.Time{}
	}
	return one, nil
}

// Done keeps that a step is done, and whether the lab has left things now. The first time counts, and the first outcome.
func (p *Progress) Done(ctx context.Context, lab string, done Done) error {
	return p.edit(ctx, lab, func(one *Kept) (changed bool) {
		if _, before := one.Done[done.Step]; !before {
			one.Done[done.Step] = done.At.UTC().Truncate(time.Second)
			changed = true
		}
		if done.Left && !one.Left {
			one.Left, changed = true, true
		}
		for i, said := range one.Said[done.Step] {
			if i < len(done.Found) && said.Found == "" {
				one.Said[done.Step][i].Found = done.Found[i]
				changed = true
			}
		}
		return changed
	})
}

// Predicted keeps the answers to the questions of a step. The first ones count: there is no second guess.
func (p *Progress) Predicted(ctx context.Context, lab, step string, answers []Answer) error {
	return p.edit(ctx, lab, func(one *Kept) bool {
		if len(one.Said[step]) > 0 {
			return false
		}
		if one.Said == nil {
			one.Said = map[string][]Answer{}
		}
		one.Said[step] = answers
		return true
	})
}

// Opened keeps that one more of the graded hints is open, of so many.
func (p *Progress) Opened(ctx context.Context, lab, of string, grades int) error {
	return p.edit(ctx, lab, func(one *Kept) bool {
		if one.Hints[of] >= grades {
			return false
		}
		if one.Hints == nil {
			one.Hints = map[string]int{}
		}
		one.Hints[of]++
		return true
	})
}

// Begun keeps that the fault of a challenge is in the cluster, and no other one.
func (p *Progress) Begun(ctx context.Context, lab, challenge string, begun Begun) error {
	return p.edit(ctx, lab, func(one *Kept) bool {
		one.Begun, one.Left = map[string]Begun{challenge: begun}, true
		return true
	})
}

// Tidied keeps that a lab has nothing left in the cluster. What was done of it stays done.
func (p *Progress) Tidied(ctx context.Context, lab string) error {
	return p.edit(ctx, lab, func(one *Kept) bool {
		changed := one.Left || one.Begun != nil
		one.Left, one.Begun = false, nil
		return changed
	})
}

// edit changes what is kept of one lab.
func (p *Progress) edit(ctx context.Context, lab string, edit func(*Kept) (changed bool)) error {
	return p.change(ctx, func(kept *corev1.ConfigMap) (bool, error) {
		one, err := read(kept, lab)
		if err != nil || !edit(&one) {
			return false, err
		}
		return true, write(kept, lab, one)
	})
}

func write(kept *corev1.ConfigMap, lab string, one Kept) error {
	text, err := json.Marshal(one)
	kept.Data[lab] = string(text)
	return err
}

// Clear forgets what is done of a lab.
func (p *Progress) Clear(ctx context.Context, lab string) error {
	return p.change(ctx, func(kept *corev1.ConfigMap) (bool, error) {
		_, found := kept.Data[lab]
		delete(kept.Data, lab)
		return found, nil
	})
}

// change edits what is kept, and makes it where it is not there. Another writer in between is a reason to try again.
func (p *Progress) change(ctx context.Context, edit func(*corev1.ConfigMap) (changed bool, err error)) error {
	maps := p.Client.CoreV1().ConfigMaps(progressNamespace)
	again := func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }
	return retry.OnError(retry.DefaultRetry, again, func() error {
		kept, err := maps.Get(ctx, progressName, metav1.GetOptions{})
		missing := apierrors.IsNotFound(err)
		if missing {
			kept, err = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: progressName}}, nil
		}
		if err != nil {
			return err
		}
		if kept.Data == nil {
			kept.Data = map[string]string{}
		}
		if changed, err := edit(kept); err != nil || !changed {
			return err
		}
		if !missing {
			_, err = maps.Update(ctx, kept, metav1.UpdateOptions{})
			return err
		}
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: progressNamespace}}
		if _, err = p.Client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
		_, err = maps.Create(ctx, kept, metav1.CreateOptions{})
		return err
	})
}
