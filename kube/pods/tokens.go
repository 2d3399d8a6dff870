//go:build linux

package pods

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/volumes"
)

// token is one by which a program in a pod proves who it is.
type token struct {
	text  string
	renew time.Time // when to ask for another
}

// renewAt is four fifths of a token's life after it was given, and a day at most.
func renewAt(given time.Time, life time.Duration) time.Time {
	return given.Add(min(life*4/5, 24*time.Hour))
}

// tokensOf are the contents of the files of a volume that are tokens, by their paths. Those that are good for a while are taken from held, which
// gets those that are asked for.
func (o *Operator) tokensOf(ctx context.Context, w work, v volumes.Volume, held map[volumes.Token]token) (map[string]string, error) {
	if v.Files == nil {
		return nil, nil
	}
	texts := map[string]string{}
	for _, file := range v.Files.Files {
		if file.Token == nil {
			continue
		}
		has, found := held[*file.Token]
		if now := time.Now(); !found || !has.renew.After(now) {
			text, err := o.requestToken(ctx, w, *file.Token)
			if err != nil {
				return nil, fmt.Errorf("failed to fetch token: %w", err)
			}
			has = token{text, renewAt(now, time.Duration(file.Token.Seconds)*time.Second)}
			held[*file.Token] = has
		}
		texts[file.Path] = has.text
	}
	return texts, nil
}

// requestToken asks for a token of the pod's account that is worth something as long as the pod is there.
func (o *Operator) requestToken(ctx context.Context, w work, wanted volumes.Token) (string, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &wanted.Seconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: w.pod.Name, UID: w.uid},
	}}
	if wanted.Audience != "" {
		request.Spec.Audiences = []string{wanted.Audience}
	}
	given, err := o.client.CoreV1().ServiceAccounts(w.key.Namespace).CreateToken(ctx, w.pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return given.Status.Token, nil
}

// firstRenewal is when the first of the tokens is to be renewed that volumes hold; zero if they hold none.
func firstRenewal(made []volumes.Volume, held map[volumes.Token]token) time.Time {
	var first time.Time
	for _, v := range made {
		if v.Files == nil {
			continue
		}
		for _, file := range v.Files.Files {
			if file.Token == nil {
				continue
			}
			if at := held[*file.Token].renew; first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	return first
}
