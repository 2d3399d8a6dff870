package subresources

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/conversion/queryparams"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

// readOptions reads the options of a subresource that a kubelet answers, and returns them as a query in which every value has its one
// spelling, so that the kubelet need not know how clients write them.
func readOptions(pod string, given url.Values, options any) (url.Values, error) {
	if err := decodeQuery(given, options); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if log, ok := options.(*corev1.PodLogOptions); ok {
		if problems := validateLogOptions(log); len(problems) > 0 {
			return nil, apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("PodLogOptions").GroupKind(), pod, problems)
		}
	}
	query, err := queryparams.Convert(options)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	return query, nil
}

// decodeQuery fills a struct from a query by the names of its fields in JSON. Clients' libraries have no conversion for
// the options of pods.
func decodeQuery(query url.Values, into any) error {
	object := reflect.ValueOf(into).Elem()
	for i := range object.NumField() {
		name, _, _ := strings.Cut(object.Type().Field(i).Tag.Get("json"), ",")
		given, ok := query[name]
		if !ok {
			continue
		}
		var err error
		switch value := object.Field(i).Addr().Interface().(type) {
		case *bool:
			err = runtime.Convert_Slice_string_To_bool(&given, value, nil)
		case *string:
			*value = given[0]
		case **string:
			*value = &given[0]
		case *[]string:
			*value = given
		case *[]int32:
			err = metav1.Convert_Slice_string_To_Slice_int32(&given, value, nil)
		case **int64:
			err = runtime.Convert_Slice_string_To_Pointer_int64(&given, value, nil)
		case **metav1.Time:
			err = metav1.Convert_Slice_string_To_Pointer_v1_Time(&given, value, nil)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// logStreams are the values of the option "stream".
var logStreams = []string{corev1.LogStreamAll, corev1.LogStreamStderr, corev1.LogStreamStdout}

func validateLogOptions(o *corev1.PodLogOptions) field.ErrorList {
	var errs field.ErrorList
	path := func(name string) *field.Path { return field.NewPath(name) }
	if o.InsecureSkipTLSVerifyBackend {
		errs = append(errs, field.Forbidden(path("insecureSkipTLSVerifyBackend"), api.NotYet))
	}
	if lines := o.TailLines; lines != nil && *lines < 0 {
		errs = append(errs, field.Invalid(path("tailLines"), *lines, apivalidation.IsNegativeErrorMsg))
	}
	if bytes := o.LimitBytes; bytes != nil && *bytes < 1 {
		errs = append(errs, field.Invalid(path("limitBytes"), *bytes, "must be greater than 0"))
	}
	switch {
	case o.SinceSeconds != nil && o.SinceTime != nil:
		errs = append(errs, field.Forbidden(path(""), "at most one of `sinceTime` or `sinceSeconds` may be specified"))
	case o.SinceSeconds != nil && *o.SinceSeconds < 1:
		errs = append(errs, field.Invalid(path("sinceSeconds"), *o.SinceSeconds, "must be greater than 0"))
	}
	switch {
	case o.Stream == nil || *o.Stream == corev1.LogStreamAll:
	case *o.Stream != corev1.LogStreamStdout && *o.Stream != corev1.LogStreamStderr:
		errs = append(errs, field.NotSupported(path("stream"), *o.Stream, logStreams))
	case o.TailLines != nil:
		errs = append(errs, field.Forbidden(path(""), "`tailLines` and specific `stream` are mutually exclusive for now"))
	}
	return errs
}
