package trace

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// The headers that carry a step's reason from a component to the API server, which believes them from
// components only.
const (
	causesHeader = "Kubelab-Causes"
	reasonHeader = "Kubelab-Reason"
	sourceHeader = "Kubelab-Source"
	planHeader   = "Kubelab-Plan"
)

// Transport sends the causes in a request's context along with every write.
func Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet || request.Method == http.MethodHead {
		return t.next.RoundTrip(request)
	}
	ids := Causes(request.Context())
	why := reasonOf(request.Context())
	if len(ids) == 0 && why.detail == "" {
		return t.next.RoundTrip(request)
	}
	request = request.Clone(request.Context())
	if len(ids) > 0 {
		request.Header.Set(causesHeader, joinIDs(ids))
	}
	if why.detail != "" {
		request.Header.Set(reasonHeader, url.QueryEscape(why.detail))
		request.Header.Set(sourceHeader, why.source)
	}
	if plan := planOf(request.Context()); plan != nil {
		request.Header.Set(planHeader, url.QueryEscape(string(plan)))
	}
	return t.next.RoundTrip(request)
}

// FromHeader puts into ctx what [Transport] put into a header.
func FromHeader(ctx context.Context, header http.Header) context.Context {
	if ids := header.Get(causesHeader); ids != "" {
		ctx = WithCauses(ctx, splitIDs(ids)...)
	}
	if plan, err := url.QueryUnescape(header.Get(planHeader)); err == nil && json.Valid([]byte(plan)) {
		ctx = context.WithValue(ctx, planKey, json.RawMessage(plan))
	}
	detail, err := url.QueryUnescape(header.Get(reasonHeader))
	if err != nil || detail == "" {
		return ctx
	}
	return context.WithValue(ctx, reasonKey, reason{detail: detail, source: header.Get(sourceHeader)})
}

// Fill completes a step with the causes and the reason in ctx. What the step already says stays.
func Fill(ctx context.Context, step Step) Step {
	if step.Causes == nil && step.Root == "" {
		step.Causes = Causes(ctx)
	}
	why := reasonOf(ctx)
	if step.Detail == "" {
		step.Detail = why.detail
	}
	if step.Source == "" {
		step.Source = why.source
	}
	if step.Plan == nil {
		step.Plan = planOf(ctx)
	}
	return step
}

func joinIDs(ids []ID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, ",")
}

func splitIDs(text string) []ID {
	var ids []ID
	for _, id := range strings.Split(text, ",") {
		if id != "" {
			ids = append(ids, ID(id))
		}
	}
	return ids
}
