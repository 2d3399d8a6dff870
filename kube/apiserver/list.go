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
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"kubelab/kube/api"
	"kubelab/kube/store"
)

func (s *Server) serveGet(c *call) error {
	if at := c.get.ResourceVersion; at != "" && at != "0" {
		if err := s.reach(c.r.Context(), at); err != nil {
			return err
		}
	}
	object, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
	if err != nil {
		return err
	}
	return s.writeObject(c, http.StatusOK, c.kind, object)
}

// get reads one object as it is now.
func (s *Server) get(ctx context.Context, kind *api.Kind, namespace, name string) (api.Object, error) {
	record, err := s.Store.Get(ctx, key(kind, namespace, name))
	if isNotFound(err) {
		return nil, apierrors.NewNotFound(kind.Resource().GroupResource(), name)
	}
	if err != nil {
		return nil, err
	}
	found, err := decodeObject(kind, record)
	if err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("read %s: %w", record.Key, err))
	}
	return found.object, nil
}

// result is a list, or one page of it.
type result struct {
	items []*stored
	meta  metav1.ListMeta
}

func (s *Server) serveList(c *call) error {
	selected, err := selectorOf(c)
	if err != nil {
		return err
	}
	found, err := s.list(c, selected)
	if err != nil {
		return err
	}
	if c.view.plainJSON() {
		return writeJoined(c, found)
	}
	list, err := c.view.showList(c, found)
	if err != nil {
		return err
	}
	return write(c, http.StatusOK, list)
}

// list answers from the cache. Only the second page of a list, and a list at a revision of the past, come from etcd.
func (s *Server) list(c *call, selected selector) (result, error) {
	asked := c.list.ResourceVersion
	if token := c.list.Continue; token != "" {
		if asked != "" && asked != "0" {
			return result{}, apierrors.NewBadRequest("specifying resource version is not allowed when using continue")
		}
		return s.nextPage(c, selected, token)
	}
	if exactly(c.list.ResourceVersionMatch, asked, c.list.Limit) {
		revision, err := parseRevision(asked)
		if err != nil {
			return result{}, err
		}
		return s.pageAt(c, selected, "", revision)
	}
	if err := s.reach(c.r.Context(), asked); err != nil {
		return result{}, err
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

func parseRevision(text string) (store.Revision, error) {
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil || revision < 0 {
		return 0, apierrors.NewBadRequest(fmt.Sprintf("resourceVersion: Invalid value: %q: it must be a number that the server gave out", text))
	}
	return store.Revision(revision), nil
}

// page takes what the selector picks, and at most limit of it.
func page(c *call, selected selector, records []*store.Item, revision store.Revision) result {
	limit := int(c.list.Limit)
	found := result{meta: metav1.ListMeta{ResourceVersion: strconv.FormatInt(int64(revision), 10)}}
	for i, record := range records {
		object, ok := record.Object.(*stored)
		if !ok || !selected.matches(object.object) {
			continue
		}
		found.items = append(found.items, object)
		if limit > 0 && len(found.items) == limit && i+1 < len(records) {
			found.meta.Continue = continueToken{revision, record.Key}.String()
			if selected.labels.Empty() && selected.fields.Empty() {
				found.meta.RemainingItemCount = ptr(int64(len(records) - i - 1))
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

func (s *Server) nextPage(c *call, selected selector, text string) (result, error) {
	var token continueToken
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(decoded, &token)
	}
	if err != nil || !bytes.HasPrefix([]byte(token.After), []byte(prefix(c.kind, c.namespace))) {
		return result{}, apierrors.NewBadRequest("continue key is not valid: use the one that the last page gave")
	}
	return s.pageAt(c, selected, token.After, token.Revision)
}

// pageAt reads from etcd what follows a key, at a revision of the past.
func (s *Server) pageAt(c *call, selected selector, after string, at store.Revision) (result, error) {
	read, err := s.Store.List(c.r.Context(), prefix(c.kind, c.namespace), 0, after, at)
	if err != nil {
		return result{}, err
	}
	items := make([]*store.Item, 0, len(read.Records))
	for _, record := range read.Records {
		object, err := decodeObject(c.kind, record)
		if err != nil {
			return result{}, apierrors.NewInternalError(fmt.Errorf("read %s: %w", record.Key, err))
		}
		items = append(items, &store.Item{Record: record, Object: object})
	}
	return page(c, selected, items, at), nil
}

// writeJoined writes a list as JSON from the bytes that its items share with all other answers.
func writeJoined(c *call, found result) error {
	head, err := json.Marshal(found.meta)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	size := 1 << 10
	for _, item := range found.items {
		size += len(item.JSON()) + 1
	}
	body := bytes.NewBuffer(make([]byte, 0, size)) // a buffer that grows copies megabytes again and again
	fmt.Fprintf(body, `{"kind":"%sList","apiVersion":"%s","metadata":%s,"items":[`, c.kind.Kind, c.kind.GroupVersion(), head)
	for i, item := range found.items {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(item.JSON())
	}
	body.WriteString("]}")
	c.w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	_, _ = c.w.Write(body.Bytes()) // a client that is gone needs no answer
	return nil
}

// showList makes a list into what the view asks for.
func (v view) showList(c *call, found result) (runtime.Object, error) {
	switch v.as {
	case "Table":
		objects := make([]api.Object, len(found.items))
		for i, item := range found.items {
			objects[i] = item.object
		}
		return table(c, c.kind, objects, found.meta), nil
	case "PartialObjectMetadata":
		list := &metav1.PartialObjectMetadataList{ListMeta: found.meta}
		list.TypeMeta = metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}
		for _, item := range found.items {
			list.Items = append(list.Items, *partial(item.object))
		}
		return list, nil
	}
	list := c.kind.NewList()
	objects := make([]runtime.Object, len(found.items))
	for i, item := range found.items {
		objects[i] = item.object
	}
	if err := meta.SetList(list, objects); err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	list.GetObjectKind().SetGroupVersionKind(c.kind.GroupVersion().WithKind(c.kind.Kind + "List"))
	accessor, err := meta.ListAccessor(list)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	accessor.SetResourceVersion(found.meta.ResourceVersion)
	accessor.SetContinue(found.meta.Continue)
	accessor.SetRemainingItemCount(found.meta.RemainingItemCount)
	return list, nil
}
