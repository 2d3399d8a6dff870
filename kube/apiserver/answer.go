package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/store"
)

// toStatus makes any error into the one that a client understands.
func toStatus(err error) *metav1.Status {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		s := status.Status()
		return &s
	}
	switch {
	case errors.Is(err, store.ErrTooOld):
		s := apierrors.NewResourceExpired("too old resource version: list again").Status()
		return &s
	case errors.Is(err, store.ErrTooNew):
		s := apierrors.NewTimeoutError("Too large resource version: "+err.Error(), 1).Status()
		return &s
	case errors.Is(err, context.Canceled):
		s := apierrors.NewTimeoutError("the request was given up", 0).Status()
		return &s
	}
	// What is left came from etcd: whether a write happened is not known, and asking again is right.
	s := apierrors.NewServiceUnavailable(err.Error()).Status()
	return &s
}

func notFoundStatus(path string) *metav1.Status {
	return &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound,
		Message: "the server could not find the requested resource", Details: &metav1.StatusDetails{Name: path},
	}
}

// writeError answers with a Status. Where an answer has begun already there is nothing left to do but to log.
func writeError(w http.ResponseWriter, r *http.Request, err any) {
	status, ok := err.(*metav1.Status)
	if !ok {
		status = toStatus(err.(error))
	}
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	if status.Details != nil && status.Details.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(status.Details.RetryAfterSeconds)))
	}
	writeJSON(w, r, int(status.Code), status)
}

// writeJSON answers with a document that has only one form.
func writeJSON(w http.ResponseWriter, r *http.Request, code int, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		slog.Error("an answer cannot be encoded", "url", r.URL.Path, "error", err)
		code, body = http.StatusInternalServerError, []byte(err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if _, err := w.Write(body); err != nil && r.Context().Err() == nil {
		slog.Debug("an answer was not taken", "url", r.URL.Path, "error", err)
	}
}

// writeJSONAs writes a document whose Content-Type is set already.
func writeJSONAs(w http.ResponseWriter, r *http.Request, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		writeError(w, r, apierrors.NewInternalError(err))
		return
	}
	_, _ = w.Write(body) // a client that is gone needs no answer
}
