package request

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	optionscheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme"
	listvalidation "k8s.io/apimachinery/pkg/apis/meta/internalversion/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

// Options say how a request is to be carried out: on trial only, for which manager, from which revision on. They come in the query,
// those of a delete in the body too.
type Options struct {
	Get      metav1.GetOptions
	List     internalversion.ListOptions // of a list, a watch and a deletecollection
	Write    metav1.PatchOptions         // of a create, an update and a patch: a patch has all that the others have
	Deletion metav1.DeleteOptions
	Table    metav1.TableOptions
}

// DryRun says whether everything is done but the write.
func (o *Options) DryRun() bool { return len(o.Write.DryRun)+len(o.Deletion.DryRun) > 0 }

// Read decodes and checks the options that a request of a verb can have. Its errors are Statuses.
func Read(w http.ResponseWriter, r *http.Request, verb string) (o Options, err error) {
	query := r.URL.Query()
	if err := o.readTable(query); err != nil {
		return o, err
	}
	switch verb {
	case "get":
		err = fromQuery(query, &o.Get)
	case "list", "watch":
		err = o.readList(query)
	case "create":
		var given metav1.CreateOptions
		err = decodeOptions(query, &given, "CreateOptions", validation.ValidateCreateOptions)
		o.Write = metav1.PatchOptions{DryRun: given.DryRun, FieldManager: given.FieldManager, FieldValidation: given.FieldValidation}
	case "update":
		var given metav1.UpdateOptions
		err = decodeOptions(query, &given, "UpdateOptions", validation.ValidateUpdateOptions)
		o.Write = metav1.PatchOptions{DryRun: given.DryRun, FieldManager: given.FieldManager, FieldValidation: given.FieldValidation}
	case "patch":
		err = decodeOptions(query, &o.Write, "PatchOptions", func(given *metav1.PatchOptions) field.ErrorList {
			return validation.ValidatePatchOptions(given, types.PatchType(ContentType(r)))
		})
	case "delete":
		err = o.readDeletion(w, r, query)
	case "deletecollection":
		if err = o.readList(query); err == nil {
			query.Del("resourceVersion") // it is the list's, and not that of each object
			err = o.readDeletion(w, r, query)
		}
	}
	return o, err
}

// fromQuery decodes options with the conversion that client-go's parameters are made for.
func fromQuery(query url.Values, into runtime.Object) error {
	if err := optionscheme.ParameterCodec.DecodeParameters(query, metav1.SchemeGroupVersion, into); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return nil
}

func decodeOptions[T runtime.Object](query url.Values, into T, kind string, check func(T) field.ErrorList) error {
	if err := fromQuery(query, into); err != nil {
		return err
	}
	return InvalidOptions(kind, check(into))
}

// InvalidOptions names the options that are wrong. It is nil where none is.
func InvalidOptions(kind string, problems field.ErrorList) error {
	if len(problems) == 0 {
		return nil
	}
	return apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: kind}, "", problems)
}

func (o *Options) readList(query url.Values) error {
	if err := fromQuery(query, &o.List); err != nil {
		return err
	}
	internalversion.SetListOptionsDefaults(&o.List, true)
	if o.List.Limit < 0 {
		return apierrors.NewBadRequest(fmt.Sprintf("limit: Invalid value: %d: must be a whole number, 0 or more (0: no limit)", o.List.Limit))
	}
	problems := listvalidation.ValidateListOptions(&o.List, true)
	if o.List.ShardSelector != "" {
		problems = append(problems, field.Forbidden(field.NewPath("shardSelector"), api.NotYet))
	}
	return InvalidOptions("ListOptions", problems)
}

func (o *Options) readTable(query url.Values) error {
	if err := fromQuery(query, &o.Table); err != nil {
		return err
	}
	if problems := validation.ValidateTableOptions(&o.Table); len(problems) > 0 {
		return apierrors.NewBadRequest(fmt.Sprintf("Unable to convert to Table as requested: %v", problems.ToAggregate()))
	}
	return nil
}

// readDeletion takes the body's, or where there is no body those of the query.
func (o *Options) readDeletion(w http.ResponseWriter, r *http.Request, query url.Values) error {
	body, mediaType, err := ReadBody(w, r)
	switch {
	case err != nil:
		return err
	case len(body) > 0:
		err = decodeDeleteOptions(body, mediaType, &o.Deletion)
	default:
		err = fromQuery(query, &o.Deletion)
	}
	if err != nil {
		return err
	}
	return CheckDeletion(&o.Deletion)
}

// CheckDeletion names the options of a delete that are wrong. It is nil where none is.
func CheckDeletion(options *metav1.DeleteOptions) error {
	problems := validation.ValidateDeleteOptions(options)
	if unsafe := options.IgnoreStoreReadErrorWithClusterBreakingPotential; unsafe != nil && *unsafe {
		problems = append(problems, field.Forbidden(field.NewPath("ignoreStoreReadErrorWithClusterBreakingPotential"), api.NotYet))
	}
	return InvalidOptions("DeleteOptions", problems)
}

// decodeDeleteOptions reads options of whatever group a client thinks they are of: kubectl says v1, others the
// resource's own.
func decodeDeleteOptions(body []byte, mediaType string, into *metav1.DeleteOptions) error {
	info, known := runtime.SerializerInfoForMediaType(optionscheme.Codecs.SupportedMediaTypes(), mediaType)
	if !known {
		return UnsupportedMediaType(mediaType)
	}
	gvk := metav1.SchemeGroupVersion.WithKind("DeleteOptions")
	decoded, _, err := optionscheme.Codecs.DecoderToVersion(info.Serializer, gvk.GroupVersion()).Decode(body, &gvk, into)
	if err != nil {
		return apierrors.NewBadRequest("read DeleteOptions: " + err.Error())
	}
	if decoded != into {
		return apierrors.NewBadRequest("decoded object cannot be converted to DeleteOptions")
	}
	return nil
}

// Timeout is how long a request wants to be waited for: the query's "timeout". 0: it does not say.
func Timeout(query url.Values) (time.Duration, error) {
	text := query.Get("timeout")
	if text == "" {
		return 0, nil
	}
	asked, err := time.ParseDuration(text)
	if err != nil {
		return 0, apierrors.NewBadRequest("invalid timeout specified in the request URL - " + err.Error())
	}
	return asked, nil
}

// IsTrue is how a truth value in a query is read: "True", "1" and no text at all are true.
func IsTrue(values []string) (yes bool) {
	_ = runtime.Convert_Slice_string_To_bool(&values, &yes, nil) // it knows no error
	return yes
}
