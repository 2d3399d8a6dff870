//go:build linux

package main

import (
	"net/url"
	"slices"
	"testing"
)

func TestEtcdSpeaksGRPCAndHTTPAtAddressesOfTheirOwn(t *testing.T) {
	config, err := (&etcdOptions{name: "a", dir: t.TempDir(), pki: t.TempDir(), address: "127.0.0.2"}).config()
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(config.ListenClientHttpUrls) == 0 {
		t.Error("HTTP has no address: etcd then serves gRPC by its HTTP server, at half as much again")
	}
	for _, http := range config.ListenClientHttpUrls {
		if slices.ContainsFunc(config.ListenClientUrls, func(grpc url.URL) bool { return grpc.Host == http.Host }) || http.Scheme != "https" {
			t.Errorf("HTTP is at %s, gRPC at %v", &http, config.ListenClientUrls)
		}
	}
}
