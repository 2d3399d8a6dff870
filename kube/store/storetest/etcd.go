// Package storetest starts a real etcd for a test.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"kubelab/kube/store"
)

// Start runs an etcd on loopback and returns a store in it. Both end with the test.
func Start(t testing.TB) *store.Store { return StartMembers(t, 1).Open() }

// Members are the members of an etcd.
type Members struct {
	t       testing.TB
	members []*embed.Etcd
	stop    []func() // each of them
}

// StartMembers runs an etcd of n members on loopback until the test ends.
func StartMembers(t testing.TB, n int) *Members {
	t.Helper()
	m := &Members{t: t}
	configs := make([]*embed.Config, n)
	var all []string
	for i := range configs {
		configs[i] = m.config(fmt.Sprintf("member-%d", i))
		all = append(all, configs[i].InitialCluster)
	}
	m.members, m.stop = make([]*embed.Etcd, n), make([]func(), n)
	for i, config := range configs { // a member is ready when most of them are
		config.InitialCluster = strings.Join(all, ",")
		m.start(i, config)
	}
	m.waitReady()
	return m
}

func (m *Members) start(i int, config *embed.Config) {
	m.t.Helper()
	member, err := embed.StartEtcd(config)
	if err != nil {
		m.t.Fatalf("start etcd: %v", err)
	}
	m.members[i], m.stop[i] = member, sync.OnceFunc(member.Close)
	m.t.Cleanup(m.stop[i])
}

func (m *Members) waitReady() {
	m.t.Helper()
	for _, member := range m.members {
		select {
		case <-member.Server.ReadyNotify():
		case <-time.After(30 * time.Second):
			m.t.Fatal("etcd was not ready in 30 s")
		}
	}
}

func (m *Members) config(name string) *embed.Config {
	m.t.Helper()
	dir, err := os.MkdirTemp("", "etcd") // t.TempDir would be removed before etcd has closed
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { os.RemoveAll(dir) })
	config := embed.NewConfig()
	config.Name, config.Dir, config.LogLevel = name, dir, "panic"
	config.TickMs, config.ElectionMs = 10, 200
	config.UnsafeNoFsync = true
	peers, clients := []url.URL{free(m.t)}, []url.URL{free(m.t)}
	config.ListenPeerUrls, config.AdvertisePeerUrls = peers, peers
	config.ListenClientUrls, config.AdvertiseClientUrls = clients, clients
	config.InitialCluster = config.InitialClusterFromName(name)
	return config
}

// free is an address on loopback that nothing listens at.
func free(t testing.TB) url.URL {
	t.Helper()
	return url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", FreePort(t))}
}

// FreePort is a port on loopback that nothing listens at. It is below those that the kernel gives to whoever connects somewhere: of these, one
// that is free now may be in use a moment later.
func FreePort(t testing.TB) int {
	t.Helper()
	var failure error
	for range 100 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000)))
		if err == nil {
			defer listener.Close()
			return listener.Addr().(*net.TCPAddr).Port
		}
		failure = err
	}
	t.Fatal(failure)
	return 0
}

// Open returns a store in the etcd. It is closed when the test ends.
func (m *Members) Open() *store.Store {
	m.t.Helper()
	var endpoints []string
	for _, member := range m.members {
		endpoints = append(endpoints, member.Config().ListenClientUrls[0].String())
	}
	opened, err := store.Open(endpoints, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { opened.Close() })
	return opened
}

// Break kills all members but the first, without a word to it, and returns when that has noticed: it has no leader, and
// ends every watch that wants one.
func (m *Members) Break() {
	m.t.Helper()
	client, err := clientv3.NewFromURL(m.members[0].Config().ListenClientUrls[0].String())
	if err != nil {
		m.t.Fatal(err)
	}
	defer client.Close()
	watch := client.Watch(clientv3.WithRequireLeader(m.t.Context()), "/", clientv3.WithCreatedNotify())
	<-watch
	for i, member := range m.members[1:] {
		member.Server.HardStop()
		m.stop[i+1]()
	}
	for answer := range watch {
		if err := answer.Err(); err != nil && !errors.Is(err, rpctypes.ErrNoLeader) {
			m.t.Fatalf("the watch of a broken etcd ended with %v", err)
		}
	}
}

// Mend starts the members again that [Members.Break] killed.
func (m *Members) Mend() {
	m.t.Helper()
	for i, member := range m.members[1:] {
		config := member.Config()
		m.start(i+1, &config)
	}
	m.waitReady()
}

// Compact makes the etcd forget what was before a revision.
func (m *Members) Compact(revision store.Revision) {
	m.t.Helper()
	request := &etcdserverpb.CompactionRequest{Revision: int64(revision), Physical: true}
	if _, err := m.members[0].Server.Compact(context.Background(), request); err != nil {
		m.t.Fatal(err)
	}
}

// Expire lets every lease run out, one after the other, with a pause between two.
func (m *Members) Expire(pause time.Duration) {
	m.t.Helper()
	m.leases(func(client *clientv3.Client, id clientv3.LeaseID) error {
		time.Sleep(pause)
		_, err := client.Revoke(m.t.Context(), id)
		return err
	})
}

// MostKeysOfALease is how many keys the fullest lease has.
func (m *Members) MostKeysOfALease() (most int) {
	m.t.Helper()
	m.leases(func(client *clientv3.Client, id clientv3.LeaseID) error {
		lease, err := client.TimeToLive(m.t.Context(), id, clientv3.WithAttachedKeys())
		if err == nil {
			most = max(most, len(lease.Keys))
		}
		return err
	})
	return most
}

func (m *Members) leases(each func(*clientv3.Client, clientv3.LeaseID) error) {
	m.t.Helper()
	client, err := clientv3.NewFromURL(m.members[0].Config().ListenClientUrls[0].String())
	if err != nil {
		m.t.Fatal(err)
	}
	defer client.Close()
	all, err := client.Leases(m.t.Context())
	for i := 0; err == nil && i < len(all.Leases); i++ {
		err = each(client, all.Leases[i].ID)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}
