package operator

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/reference"
	"k8s.io/utils/clock"

	"kubelab/kube/api"
	"kubelab/kube/trace"
)

// maxEvents is how many events may wait to be written. Those beyond are lost: an event is a line for a
// person to read, and no reason to slow down the work that it tells of.
const maxEvents = 1000

// news is an event that is not written yet, and why there is one.
type news struct {
	event  *corev1.Event
	causes []trace.ID
}

// Event leaves a line at the end of kubectl describe: what happened to the object about, in a word
// (reason, "FailedCreate") and in a sentence. kind is [corev1.EventTypeNormal] or
// [corev1.EventTypeWarning]. [Client.Deliver] writes it later; the same event again counts up the first.
func (c *Client) Event(ctx context.Context, about runtime.Object, kind, reason, format string, args ...any) {
	object, err := reference.GetReference(scheme.Scheme, about)
	if err != nil {
		slog.Warn("event about an unknown kind", "reason", reason, "error", err)
		return
	}
	namespace := object.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	now := metav1.Now()
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s.%x", object.Name, now.UnixNano())},
		InvolvedObject: *object, Type: kind, Reason: reason, Message: firstBytes(fmt.Sprintf(format, args...), api.MaxEventMessage),
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		Source:              corev1.EventSource{Component: c.Component, Host: c.Node},
		ReportingController: c.Component, ReportingInstance: c.Node,
	}
	select {
	case c.events <- news{event, trace.Causes(ctx)}:
	default:
		if c.lostEvents.Add(1) == 1 { // the others are counted, and told of when there is room again
			slog.Warn("events are lost: too many wait to be written", "waiting", maxEvents, "reason", reason, "about", object.Name)
		}
	}
}

// firstBytes is the beginning of a text: what is longer would be refused. No half of a letter stays.
func firstBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// writeEvents writes what [Client.Event] left until ctx is done.
func (c *Client) writeEvents(ctx context.Context) {
	known := record.NewEventCorrelator(clock.RealClock{}) // counts repetitions, and silences a chatterbox
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-c.events:
			if err := c.writeEvent(trace.WithCauses(ctx, n.causes...), known, n.event); err != nil && ctx.Err() == nil {
				slog.Warn("an event is lost", "reason", n.event.Reason, "about", n.event.InvolvedObject.Name, "error", err)
			}
			if lost := c.lostEvents.Swap(0); lost > 0 {
				slog.Warn("events were lost", "events", lost)
			}
		}
	}
}

func (c *Client) writeEvent(ctx context.Context, known *record.EventCorrelator, event *corev1.Event) error {
	result, err := known.EventCorrelate(event)
	if err != nil || result.Skip {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	events := c.CoreV1().Events(result.Event.Namespace)
	var written *corev1.Event
	if result.Event.Count > 1 {
		written, err = events.Patch(ctx, result.Event.Name, types.StrategicMergePatchType, result.Patch, metav1.PatchOptions{})
	}
	if result.Event.Count == 1 || apierrors.IsNotFound(err) { // the first one may have expired meanwhile
		result.Event.ResourceVersion = ""
		written, err = events.Create(ctx, result.Event, metav1.CreateOptions{})
	}
	if err != nil {
		return err
	}
	known.UpdateState(written)
	return nil
}
