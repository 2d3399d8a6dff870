package labs

import (
	"context"
	"encoding/json"
	"fmt"
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

const (
	progressNamespace = "kubelab"
	progressName      = "progress"
)

// Of tells which steps of a lab are done, and since when.
func (p *Progress) Of(ctx context.Context, lab string) (map[string]time.Time, error) {
	kept, err := p.Client.CoreV1().ConfigMaps(progressNamespace).Get(ctx, progressName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return map[string]time.Time{}, nil
	}
	if err != nil {
		return nil, err
	}
	return read(kept, lab)
}

func read(kept *corev1.ConfigMap, lab string) (map[string]time.Time, error) {
	done := map[string]time.Time{}
	text, found := kept.Data[lab]
	if !found {
		return done, nil
	}
	if err := json.Unmarshal([]byte(text), &done); err != nil {
		return nil, fmt.Errorf("ConfigMap %s/%s: what is kept of %s cannot be read: %w (kube lab reset %s)", progressNamespace, progressName, lab, err, lab)
	}
	return done, nil
}

// Done keeps that a step is done. The first time counts.
func (p *Progress) Done(ctx context.Context, lab, step string, at time.Time) error {
	return p.change(ctx, func(kept *corev1.ConfigMap) (bool, error) {
		done, err := read(kept, lab)
		if _, before := done[step]; before || err != nil {
			return false, err
		}
		done[step] = at.UTC().Truncate(time.Second)
		text, err := json.Marshal(done)
		kept.Data[lab] = string(text)
		return true, err
	})
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
