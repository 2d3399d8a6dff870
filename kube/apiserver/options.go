package apiserver

import (
	"context"
	"fmt"
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
)

// options say how a request is to be carried out: on trial only, for which manager, from which revision on. They come
// in the query, those of a delete in the body too. They are decoded and checked once, before anything is done: an
// option that the server does not know is refused, because what it was to prevent might be a loss.
type options struct {
	get      metav1.GetOptions
	list     internalversion.ListOptions // of a list, a watch and a deletecollection
	write    metav1.PatchOptions         // of a create, an update and a patch: a patch has all that the others have
	deletion metav1.DeleteOptions
	table    metav1.TableOptions
}

// dryRun says whether everything is done but the write.
func (o *options) dryRun() bool { return len(o.write.DryRun)+len(o.deletion.DryRun) > 0 }

// readOptions decodes the options that a request of this verb can have, and finds the form of the answer.
func (c *call) readOptions() (err error) {
	if c.kind == nil || c.toKubelet() {
		return nil
	}
	if c.view, err = negotiate(c); err != nil {
		return err
	}
	query := c.r.URL.Query()
	if err := c.readTableOptions(query); err != nil {
		return err
	}
	switch c.verb {
	case "get":
		return fromQuery(query, &c.get)
	case "list", "watch":
		return c.readListOptions(query)
	case "create":
		var o metav1.CreateOptions
		if err := decodeOptions(query, &o, "CreateOptions", validation.ValidateCreateOptions); err != nil {
			return err
		}
		c.write = metav1.PatchOptions{DryRun: o.DryRun, FieldManager: o.FieldManager, FieldValidation: o.FieldValidation}
	case "update":
		var o metav1.UpdateOptions
		if err := decodeOptions(query, &o, "UpdateOptions", validation.ValidateUpdateOptions); err != nil {
			return err
		}
		c.write = metav1.PatchOptions{DryRun: o.DryRun, FieldManager: o.FieldManager, FieldValidation: o.FieldValidation}
	case "patch":
		return decodeOptions(query, &c.write, "PatchOptions", func(o *metav1.PatchOptions) field.ErrorList {
			return validation.ValidatePatchOptions(o, types.PatchType(c.contentType()))
		})
	case "delete":
		return c.readDeleteOptions(query)
	case "deletecollection":
		if err := c.readListOptions(query); err != nil {
			return err
		}
		return c.readDeleteOptions(query)
	}
	return nil
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
	return invalidOptions(kind, check(into))
}

// invalidOptions names the options that are wrong. It is nil where none is.
func invalidOptions(kind string, problems field.ErrorList) error {
	if len(problems) == 0 {
		return nil
	}
	return apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: kind}, "", problems)
}

func (c *call) readListOptions(query url.Values) error {
	if err := fromQuery(query, &c.list); err != nil {
		return err
	}
	internalversion.SetListOptionsDefaults(&c.list, true)
	if c.list.Limit < 0 {
		return apierrors.NewBadRequest(fmt.Sprintf("limit: Invalid value: %d: must be a whole number, 0 or more (0: no limit)", c.list.Limit))
	}
	return invalidOptions("ListOptions", listvalidation.ValidateListOptions(&c.list, true))
}

func (c *call) readTableOptions(query url.Values) error {
	if err := fromQuery(query, &c.table); err != nil {
		return err
	}
	if problems := validation.ValidateTableOptions(&c.table); len(problems) > 0 {
		return apierrors.NewBadRequest(fmt.Sprintf("Unable to convert to Table as requested: %v", problems.ToAggregate()))
	}
	return nil
}

// readDeleteOptions takes the body's, or where there is no body those of the query.
func (c *call) readDeleteOptions(query url.Values) error {
	body, mediaType, err := readBody(c)
	switch {
	case err != nil:
		return err
	case len(body) > 0:
		err = decodeDeleteOptions(body, mediaType, &c.deletion)
	default:
		err = fromQuery(query, &c.deletion)
	}
	if err != nil {
		return err
	}
	return invalidOptions("DeleteOptions", validation.ValidateDeleteOptions(&c.deletion))
}

// decodeDeleteOptions reads options of whatever group a client thinks they are of: kubectl says v1, others the
// resource's own.
func decodeDeleteOptions(body []byte, mediaType string, into *metav1.DeleteOptions) error {
	info, known := runtime.SerializerInfoForMediaType(optionscheme.Codecs.SupportedMediaTypes(), mediaType)
	if !known {
		return unsupportedMediaType(mediaType)
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

// longest is how long a request may take that does not ask for less. Streams may last.
const longest = time.Minute

// limitTime gives the request its deadline: the query's "timeout", at most [longest].
func (c *call) limitTime() (context.CancelFunc, error) {
	if c.streams() {
		return func() {}, nil
	}
	limit := longest
	if text := c.r.URL.Query().Get("timeout"); text != "" {
		asked, err := time.ParseDuration(text)
		if err != nil {
			return nil, apierrors.NewBadRequest("invalid timeout specified in the request URL - " + err.Error())
		}
		if asked > 0 {
			limit = min(asked, longest)
		}
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), limit)
	c.r = c.r.WithContext(ctx)
	return cancel, nil
}

// isTrue is how a truth value in a query is read: "True", "1" and no text at all are true.
func isTrue(values []string) (yes bool) {
	_ = runtime.Convert_Slice_string_To_bool(&values, &yes, nil) // it knows no error
	return yes
}
