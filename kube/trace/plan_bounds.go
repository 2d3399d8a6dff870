package trace

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// What a step may hold. The record is kept in the store, sent to every page that shows it, and told to people: one writer
// must not fill it, nor date itself out of it.
const (
	maxID     = 256                 // bytes
	maxWord   = 253                 // bytes, of component, host, verb, source and each part of the object's name
	maxDetail = 1 << 10             // bytes
	maxPlan   = 8 << 10             // bytes of JSON: a header has to hold it
	maxCauses = 256                 // of each maxID bytes
	MaxBatch  = 100                 // steps that are delivered at once: an etcd transaction takes 128 operations
	maxEarly  = 5 * time.Minute     // that a sender's clock may be ahead
	maxLate   = 30 * 24 * time.Hour // that a step may have waited for its delivery
)

// Bounded cuts a step down to what the record takes, so that a long reason costs the step its end and not the step.
func Bounded(step Step) Step {
	step.Detail = cut(step.Detail, maxDetail)
	for _, word := range []*string{&step.Component, &step.Host, &step.Verb, &step.Source, &step.Object.Resource, &step.Object.Namespace, &step.Object.Name} {
		*word = cut(*word, maxWord)
	}
	step.Causes = step.Causes[max(0, len(step.Causes)-maxCauses):] // the newest
	for _, cause := range step.Causes {
		if len(cause) > maxID {
			step.Causes = nil // no recorder made that
			break
		}
	}
	if len(step.Plan) > maxPlan {
		step.Plan = nil
	}
	return step
}

// cut takes off what is beyond a number of bytes, and no half of a letter stays.
func cut(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "")
}

// Check says what keeps a step, which a component sent, out of the record.
func Check(step Step, now time.Time) field.ErrorList {
	var errs field.ErrorList
	word := func(name, value string, longest int, needed bool) {
		switch at := field.NewPath(name); {
		case value == "" && needed:
			errs = append(errs, field.Required(at, ""))
		case len(value) > longest:
			errs = append(errs, field.TooLong(at, "", longest))
		case strings.ContainsFunc(value, unicode.IsControl) && name != "detail":
			errs = append(errs, field.Invalid(at, value, "may have no control characters"))
		}
	}
	word("id", string(step.ID), maxID, true)
	word("verb", step.Verb, maxWord, true)
	word("host", step.Host, maxWord, false)
	word("source", step.Source, maxWord, false)
	word("detail", step.Detail, maxDetail, false)
	word("object.resource", step.Object.Resource, maxWord, false)
	word("object.namespace", step.Object.Namespace, maxWord, false)
	word("object.name", step.Object.Name, maxWord, false)
	for i, cause := range step.Causes[:min(len(step.Causes), maxCauses)] {
		word(fmt.Sprintf("causes[%d]", i), string(cause), maxID, true)
	}
	if len(step.Causes) > maxCauses {
		errs = append(errs, field.TooMany(field.NewPath("causes"), len(step.Causes), maxCauses))
	}
	if len(step.Plan) > maxPlan {
		errs = append(errs, field.TooLong(field.NewPath("plan"), "", maxPlan))
	}
	return append(errs, checkOrigin(step, now)...)
}

// checkOrigin: a step is made at some time near now, for a cause of a known kind, and by no write: those the server records.
func checkOrigin(step Step, now time.Time) field.ErrorList {
	var errs field.ErrorList
	if step.Time.Before(now.Add(-maxLate)) || step.Time.After(now.Add(maxEarly)) {
		errs = append(errs, field.Invalid(field.NewPath("time"), step.Time, fmt.Sprintf("must be at most %v ago and at most %v ahead of the server's clock", maxLate, maxEarly)))
	}
	switch step.Root {
	case "", Request, Clock, Event:
	default:
		errs = append(errs, field.NotSupported(field.NewPath("root"), step.Root, []Root{Request, Clock, Event}))
	}
	if step.Revision != 0 {
		errs = append(errs, field.Forbidden(field.NewPath("revision"), "the server records the steps that write"))
	}
	return errs
}
