package apiserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/apiserver/answer"
	"kubelab/kube/apiserver/request"
	"kubelab/kube/store"
)

func (s *Server) serveGet(c *call) error {
	if at := c.options.Get.ResourceVersion; at != "" && at != "0" {
		if err := s.reach(c.r.Context(), at); err != nil {
			return err
		}
	}
	object, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
	if err != nil {
		return err
	}
	if c.scales() {
		return c.view.Write(c.w, http.StatusOK, nil, scaleOf(c.kind, object))
	}
	return c.view.Write(c.w, http.StatusOK, c.kind, object)
}

func (s *Server) serveList(c *call) error {
	selected, err := c.options.Selector(c.kind)
	if err != nil {
		return err
	}
	found, err := s.list(c, selected)
	if err != nil {
		return err
	}
	return c.view.WriteList(c.w, found)
}

// list answers from the cache. Only the second page of a list, and a list at a revision of the past, come from etcd.
func (s *Server) list(c *call, selected request.Selector) (answer.List, error) {
	asked := c.options.List.ResourceVersion
	if token := c.options.List.Continue; token != "" {
		if asked != "" && asked != "0" {
			return answer.List{}, apierrors.NewBadRequest("specifying resource version is not allowed when using continue")
		}
		return s.nextPage(c, selected, token)
	}
	if exactly(c.options.List.ResourceVersionMatch, asked, c.options.List.Limit) {
		revision, err := parseRevision(asked)
		if err != nil {
			return answer.List{}, err
		}
		return s.pageAt(c, selected, "", revision)
	}
	if err := s.reach(c.r.Context(), asked); err != nil {
		return answer.List{}, err
	}
	records, revision := s.cache.List(prefix(c.kind, c.namespace))
	return page(c, selected, records, revision), nil
}

// exactly says whether a list is wanted as it was at a revision, and not as it is now: also where a client that is
// older than resourceVersionMatch wants a page of it.
func exactly(match metav1.ResourceVersionMatch, revision string, limit int64) bool {
	return match == metav1.ResourceVersionMatchExact || match == "" && limit > 0 && revision != "" && revision != "0"
}

// reach waits for the state that a client wants to see at least: empty is the newest, "0" is any.
func (s *Server) reach(ctx context.Context, asked string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if asked == "" {
		return s.cache.Fresh(ctx)
	}
	revision, err := parseRevision(asked)
	if err != nil {
		return err
	}
	return s.cache.Reach(ctx, max(revision, 1))
}

// page takes what the selector picks, and at most limit of it.
func page(c *call, selected request.Selector, records []*store.Item, revision store.Revision) answer.List {
	limit := int(c.options.List.Limit)
	found := answer.List{Kind: c.kind, Meta: metav1.ListMeta{ResourceVersion: strconv.FormatInt(int64(revision), 10)}}
	for i, record := range records {
		object, ok := objectOf(record, c.kind)
		if !ok || !selected.Matches(object.Is) {
			continue
		}
		found.Items = append(found.Items, object)
		if limit > 0 && len(found.Items) == limit && i+1 < len(records) {
			found.Meta.Continue = continueToken{revision, record.Key}.String()
			if selected.Empty() {
				found.Meta.RemainingItemCount = new(int64(len(records) - i - 1))
			}
			break
		}
	}
	return found
}

// continueToken says where the next page of a list begins, and at which revision the list is read.
type continueToken struct {
	Revision store.Revision `json:"rv"`
	After    string         `json:"after"`
}

func (t continueToken) String() string {
	encoded, _ := json.Marshal(t) // two plain fields always encode
	return base64.RawURLEncoding.EncodeToString(encoded)
}

func (s *Server) nextPage(c *call, selected request.Selector, text string) (answer.List, error) {
	var token continueToken
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(decoded, &token)
	}
	if err != nil || !bytes.HasPrefix([]byte(token.After), []byte(prefix(c.kind, c.namespace))) {
		return answer.List{}, apierrors.NewBadRequest("continue key is not valid: use the one that the last page gave")
	}
	return s.pageAt(c, selected, token.After, token.Revision)
}

// pageAt reads from etcd what follows a key, at a revision of the past.
func (s *Server) pageAt(c *call, selected request.Selector, after string, at store.Revision) (answer.List, error) {
	read, err := s.Store.List(c.r.Context(), prefix(c.kind, c.namespace), 0, after, at)
	if err != nil {
		return answer.List{}, err
	}
	items := make([]*store.Item, 0, len(read.Records))
	for _, record := range read.Records {
		object, err := decodeObject(c.kind, record)
		if err != nil {
			return answer.List{}, apierrors.NewInternalError(fmt.Errorf("read %s: %w", record.Key, err))
		}
		items = append(items, &store.Item{Record: record, Object: object})
	}
	return page(c, selected, items, at), nil
}
