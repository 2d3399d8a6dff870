package pullsecrets

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/images"
)

// The servers of Docker Hub: what images say of it, and what Docker's configuration does.
const (
	hub    = "docker.io"
	hubKey = "index.docker.io"
)

// Plan are the credentials of the Secrets that fit an image, in the order in which they are to be tried: for the narrower part of a registry first, then as the
// Secrets come. There are none where nothing fits.
//
// An entry fits by the rules of Kubernetes' documentation (Images, "Interpretation of config.json"): the port is the same, each part of the server's name is the same
// or fits the entry's as a file name fits a pattern (*.example.com is a.example.com, not a.b.example.com), and the image's path begins with the entry's.
func Plan(image string, secrets []*corev1.Secret) ([]*runtimeapi.AuthConfig, error) {
	full, err := images.Normalize(image)
	if err != nil {
		return nil, err
	}
	full, _, _ = strings.Cut(full, "@")
	if repository, tag, found := cutLast(full, ":"); found && !strings.Contains(tag, "/") { // else it is a port
		full = repository
	}
	all := map[string][]*runtimeapi.AuthConfig{} // by the part of a registry
	for _, secret := range secrets {
		entries, err := read(secret)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", secret.Name, err)
		}
		for _, server := range slices.Sorted(maps.Keys(entries)) {
			part := partOf(server)
			all[part] = append(all[part], &runtimeapi.AuthConfig{Username: entries[server].Username, Password: entries[server].Password})
		}
	}
	var found []*runtimeapi.AuthConfig
	for _, part := range slices.Backward(slices.Sorted(maps.Keys(all))) { // what is longer comes later in the alphabet
		if fits(part, full) {
			found = append(found, all[part]...)
		}
	}
	if len(found) == 0 && strings.HasPrefix(full, hub+"/") {
		return all[hubKey], nil
	}
	return found, nil
}

func cutLast(text, at string) (before, after string, found bool) {
	i := strings.LastIndex(text, at)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(at):], true
}

// partOf is the part of a registry that an entry is for: without the scheme, and without the version of the protocol that docker login writes.
func partOf(server string) string {
	for _, scheme := range []string{"https://", "http://"} {
		server = strings.TrimPrefix(server, scheme)
	}
	host, path, _ := strings.Cut(server, "/")
	for _, version := range []string{"v1/", "v2/"} {
		if rest, is := strings.CutPrefix(path, version); is {
			path = rest
			break
		}
	}
	if path == "" {
		return host
	}
	return host + "/" + path
}

// fits says whether an image, by its full name, is in a part of a registry.
func fits(part, image string) bool {
	server, prefix, _ := strings.Cut(part, "/")
	registry, repository, _ := strings.Cut(image, "/")
	name, port, _ := strings.Cut(server, ":")
	host, hostPort, _ := strings.Cut(registry, ":")
	patterns, words := strings.Split(name, "."), strings.Split(host, ".")
	if port != hostPort || len(patterns) != len(words) || !strings.HasPrefix(repository, prefix) {
		return false
	}
	for i, pattern := range patterns {
		if ok, err := path.Match(pattern, words[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// entry is who one is for a registry. Auth is the same as base64 of "user:password", and counts if it is there.
type entry struct{ Username, Password, Auth string }

// read is what a Secret has, by server. One of another type has nothing. An error says nothing of what is in it.
func read(secret *corev1.Secret) (map[string]entry, error) {
	var entries map[string]entry
	var err error
	key := corev1.DockerConfigJsonKey
	switch secret.Type {
	case corev1.SecretTypeDockerConfigJson:
		var config struct{ Auths map[string]entry }
		err = json.Unmarshal(secret.Data[key], &config)
		entries = config.Auths
	case corev1.SecretTypeDockercfg:
		key = corev1.DockerConfigKey
		err = json.Unmarshal(secret.Data[key], &entries)
	}
	if err != nil {
		return nil, fmt.Errorf("its %s is not what docker login writes", key)
	}
	for server, e := range entries {
		if e.Auth == "" {
			continue
		}
		text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(e.Auth, "="))
		user, password, whole := strings.Cut(string(text), ":")
		if err != nil || !whole {
			return nil, fmt.Errorf("the auth of %s in its %s must be base64 of user:password", server, key)
		}
		entries[server] = entry{Username: user, Password: password}
	}
	return entries, nil
}
