// Package stepmode holds loops and lets them go on: what the loops themselves read is package operator's, this is what a
// person does to them.
package stepmode

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// Hold makes a loop wait before each turn.
func Hold(data map[string]string, loop string) error {
	data[loop] = cmp.Or(data[loop], "0")
	return nil
}

// Release lets a loop run freely again.
func Release(data map[string]string, loop string) error {
	delete(data, loop)
	return nil
}

// Next lets one more turn of a held loop go on.
func Next(data map[string]string, loop string) error {
	let, held := data[loop]
	if !held {
		return fmt.Errorf("%s is not held: kube step hold %s", loop, loop)
	}
	n, _ := strconv.Atoi(let)
	data[loop] = strconv.Itoa(n + 1)
	return nil
}

// LoopName is a loop as the ConfigMap names it: kubelet.node-2 for kubelet@node-2, which no key of a ConfigMap may be.
func LoopName(loops []string, text string) (string, error) {
	text = strings.Replace(text, "@", ".", 1)
	if name, _, _ := strings.Cut(text, "."); name != "" && !slices.Contains(loops, name) {
		return "", fmt.Errorf("there is no loop %q: the loops are %s", name, strings.Join(loops, ", "))
	}
	return text, nil
}

// Change changes the ConfigMap, which is there as long as a loop is held.
func Change(ctx context.Context, client kubernetes.Interface, change func(data map[string]string) error) error {
	api := client.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	beaten := func(err error) bool { // by somebody who changed it, made it or released the last loop in between
		return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
	}
	return retry.OnError(retry.DefaultRetry, beaten, func() error {
		is, err := api.Get(ctx, operator.StepMode, metav1.GetOptions{})
		missing := apierrors.IsNotFound(err)
		if missing {
			is = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: operator.StepMode}}
		} else if err != nil {
			return err
		}
		if is.Data == nil {
			is.Data = map[string]string{}
		}
		if err := change(is.Data); err != nil {
			return err
		}
		switch {
		case missing && len(is.Data) > 0:
			_, err = api.Create(ctx, is, metav1.CreateOptions{})
			return err
		case len(is.Data) > 0:
			_, err = api.Update(ctx, is, metav1.UpdateOptions{})
			return err
		case missing:
			return nil
		}
		return api.Delete(ctx, is.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &is.ResourceVersion}})
	})
}

// Waiting is what waits, of all that is held, until a loop goes on.
func Waiting(loop string, held []trace.Step) (objects []trace.Ref) {
	for _, step := range held {
		if loop == step.Detail || loop == step.Detail+"."+step.Host {
			objects = append(objects, step.Object)
		}
	}
	return objects
}
