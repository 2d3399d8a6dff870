// Package storetest starts a real etcd for a test.
package storetest

import (
	"net/url"
	"os"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"kubelab/kube/store"
)

// Start runs an etcd on loopback and returns a store in it. Both end with the test.
func Start(t testing.TB) *store.Store {
	t.Helper()
	dir, err := os.MkdirTemp("", "etcd") // t.TempDir would be removed before etcd has closed
	if err != nil {
		t.Fatal(err)
	}
	config := embed.NewConfig()
	config.Dir, config.LogLevel = dir, "panic"
	config.TickMs, config.ElectionMs = 10, 100
	config.UnsafeNoFsync = true
	loopback := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config.ListenPeerUrls, config.ListenClientUrls = loopback, loopback
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		t.Fatalf("start etcd: %v", err)
	}
	t.Cleanup(func() {
		etcd.Close()
		os.RemoveAll(dir)
	})
	select {
	case <-etcd.Server.ReadyNotify():
	case <-time.After(20 * time.Second):
		t.Fatal("etcd was not ready in 20 s")
	}
	opened, err := store.Open([]string{"http://" + etcd.Clients[0].Addr().String()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}
