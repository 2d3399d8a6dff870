package answer

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/store"
)

// Success is the answer to what was done and has nothing to show.
func Success() *metav1.Status {
	return &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess}
}

// NoSuchPath is the answer to a path that leads nowhere. It names no object: kubectl debug tells by that whether the
// server lacks a subresource or the pod is missing.
func NoSuchPath() error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound,
		Message: "the server could not find the requested resource", Details: &metav1.StatusDetails{},
	}}
}

// Error answers with the Status of an error. One that has none is classified.
func Error(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	if status.Details != nil && status.Details.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(status.Details.RetryAfterSeconds)))
	}
	JSON(w, r, int(status.Code), status)
}

// JSON answers with a document that has only one form.
func JSON(w http.ResponseWriter, r *http.Request, code int, document any) {
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

// statusOf makes any error into the one that a client understands.
func statusOf(err error) metav1.Status {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status()
	}
	return classify(err).ErrStatus
}

// classify says of an error that nobody has put into words for a client whose it is.
func classify(err error) *apierrors.StatusError {
	switch {
	case errors.Is(err, store.ErrTooOld):
		return apierrors.NewResourceExpired("too old resource version: list again")
	case errors.Is(err, store.ErrTooNew):
		tooNew := apierrors.NewTimeoutError("Too large resource version: "+err.Error(), 1)
		tooNew.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge, Message: "Too large resource version"}}
		return tooNew
	case errors.Is(err, store.ErrTooMuch):
		return apierrors.NewRequestEntityTooLargeError(err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return apierrors.NewTimeoutError("request did not complete within requested timeout - "+err.Error(), 0)
	case errors.Is(err, context.Canceled):
		return apierrors.NewTimeoutError("the request was given up", 0)
	case fromEtcd(err): // whether a write happened is not known, and asking again is right
		return apierrors.NewServiceUnavailable(err.Error())
	}
	slog.Error("an error has no class, and so is called the server's own", "error", err)
	return apierrors.NewInternalError(err)
}

// final are the codes of gRPC that say that a request will never be carried out.
var final = []codes.Code{codes.InvalidArgument, codes.OutOfRange, codes.Unimplemented, codes.PermissionDenied, codes.Unauthenticated}

// fromEtcd says whether etcd could not be asked, and another time can be: its errors have a code of gRPC.
func fromEtcd(err error) bool {
	var coded interface{ Code() codes.Code }
	if errors.As(err, &coded) {
		return !slices.Contains(final, coded.Code())
	}
	status, isStatus := grpcstatus.FromError(err)
	return isStatus && !slices.Contains(final, status.Code())
}
