package apiserver

import (
	"fmt"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
	"kubelab/kube/apiserver/request"
)

// readSubresource reads the body of a subresource that the kind has declared.
func (c *call) readSubresource() (api.Object, error) {
	empty, err := api.Scheme.New(c.sub.Body)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	body := empty.(api.Object)
	if err := c.decodeInto(body, c.sub.Body); err != nil {
		return nil, err
	}
	if c.sub.Issues && body.GetName() == "" {
		body.SetName(c.name) // clients do not name here what the path names
	}
	if err := c.sameName(c.sub.Body.Kind, body); err != nil {
		return nil, err
	}
	if c.sub.Validate == nil {
		return body, nil
	}
	return body, invalid(c.sub.Body.GroupKind(), body.GetName(), c.sub.Validate(body))
}

// wantsChange is the edit of a subresource.
func (c *call) wantsChange() (intent, error) {
	body, err := c.readSubresource()
	return intent{act: Change, edit: func(have api.Object) (api.Object, error) {
		if uid := body.GetUID(); uid != "" {
			if err := sameUID(c.kind, have, uid); err != nil {
				return nil, err
			}
		}
		if revision := body.GetResourceVersion(); revision != "" && revision != have.GetResourceVersion() {
			return nil, modified(c.kind, c.name)
		}
		object := have.DeepCopyObject().(api.Object)
		return object, c.sub.Change(object, body)
	}}, err
}

// wantsPatchedChange is the edit of a subresource whose body is an object of the kind itself, said as a patch of the one that there is.
func (s *Server) wantsPatchedChange(c *call) (intent, error) {
	is, err := s.wantsPatch(c)
	patched := is.edit
	return intent{act: Change, edit: func(have api.Object) (api.Object, error) {
		body, err := patched(have)
		if err != nil {
			return nil, err
		}
		object := have.DeepCopyObject().(api.Object)
		return object, c.sub.Change(object, body)
	}}, err
}

// serveDeletion deletes an object as its subresource asks for it: an eviction.
func (s *Server) serveDeletion(c *call) error {
	body, err := c.readSubresource()
	if err != nil {
		return err
	}
	deletion := *c
	deletion.verb, deletion.subresource, deletion.sub = "delete", "", nil
	if deletion.options.Deletion, err = deletionOf(c.sub.Delete(body), c.options.Write.DryRun); err != nil {
		return err
	}
	if _, err := s.write(&deletion, intent{act: Delete}); err != nil {
		return err
	}
	return c.view.Write(c.w, http.StatusCreated, nil, answer.Success())
}

// deletionOf are the options of a delete that a body asks for. A dry run may be asked for in the body or in the query.
func deletionOf(asked *metav1.DeleteOptions, dryRun []string) (metav1.DeleteOptions, error) {
	if asked == nil {
		return metav1.DeleteOptions{DryRun: dryRun}, nil
	}
	options := *asked
	if len(options.DryRun) == 0 {
		options.DryRun = dryRun
	}
	if len(dryRun) > 0 && !slices.Equal(options.DryRun, dryRun) {
		return options, apierrors.NewBadRequest(fmt.Sprintf("Non-matching dry-run options in request and content: %v and %v", dryRun, options.DryRun))
	}
	return options, request.CheckDeletion(&options)
}

// serveConnection has another server answer.
func (s *Server) serveConnection(c *call) error {
	object, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
	if err != nil {
		return err
	}
	to, err := c.sub.Connect(object, c.r.URL.Query(), s.lookup(c.r.Context()))
	if err != nil {
		return err
	}
	return s.others.Pass(c.w, c.r, to)
}

// serveDeleteCollection deletes each object of the list that the options ask for, which may be one page or a past state, and answers with
// that list. One that is gone already is no error.
func (s *Server) serveDeleteCollection(c *call) error {
	selected, err := c.options.Selector(c.kind)
	if err != nil {
		return err
	}
	found, err := s.list(c, selected)
	if err != nil {
		return err
	}
	for _, object := range found.Items {
		each := *c
		each.verb, each.namespace, each.name = "delete", object.Is.GetNamespace(), object.Is.GetName()
		if _, err := s.write(&each, intent{act: Delete}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return c.view.WriteList(c.w, found)
}
