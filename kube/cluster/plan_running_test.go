package cluster

import (
	"net/netip"
	"strings"
	"testing"

	"kubelab/kube/services"
)

// asked are options of which a person gave the named flags.
func asked(o Options, flags ...string) Options {
	o.Name, o.Asked = "kubelab", map[string]bool{}
	for _, flag := range flags {
		o.Asked[flag] = true
	}
	return o
}

func TestWhatARunningClusterCannotBecomeIsRefusedByName(t *testing.T) {
	spec := small()
	spec.Port, spec.Site = 6443, Site{Listen: "127.0.0.1:8080"}
	for flag, o := range map[string]Options{
		"--data-dir":     {DataDir: "/elsewhere"},
		"--isolated":     {Isolated: true},
		"--port":         {Port: 7000},
		"--bin":          {Bin: "/other"},
		"--node-cpu":     {CPU: 1},
		"--node-memory":  {Memory: 1 << 30},
		"--no-site":      {NoSite: true},
		"--site-listen":  {Site: Site{Listen: "127.0.0.1:9090"}},
		"--allow-host":   {Site: Site{AllowHosts: []string{"lab"}}},
		"--site-cert":    {Site: Site{Cert: "/c"}},
		"--site-key":     {Site: Site{Key: "/k"}},
		"--pod-cidr":     {Pods: netip.MustParsePrefix("10.200.0.0/16")},
		"--service-cidr": {Services: netip.MustParsePrefix("10.200.0.0/16")},
	} {
		o = asked(o, strings.TrimPrefix(flag, "--"))
		err := spec.lasting(o)
		if err == nil {
			err = spec.whileUp(o)
		}
		if err == nil || !strings.HasPrefix(err.Error(), flag+" ") || !strings.Contains(err.Error(), "(sudo /bin/kube down") {
			t.Errorf("%s: it says %v, want a refusal by name, with the remedy", flag, err)
		}
	}
}

func TestACommandLineCanBeTypedAsItStandsWhateverThePath(t *testing.T) {
	for bin, want := range map[string]string{
		"/home/jo/kubelab/bin": "sudo /home/jo/kubelab/bin/kube down --name lab",
		"/it's mine/bin":       `sudo '/it'\''s mine/bin/kube' down --name lab`,
	} {
		spec := Spec{Name: "lab", Bin: bin}
		if got := spec.Sudo("down"); got != want {
			t.Errorf("%s: it says %s, want %s", bin, got, want)
		}
	}
}

func TestWhatWasNotAskedForOrIsSoAlreadyIsNotRefused(t *testing.T) {
	spec := small()
	spec.Port, spec.Site = 6443, Site{Listen: "127.0.0.1:8080"}
	for what, o := range map[string]Options{
		"nothing was asked for":  asked(Options{DataDir: "/var/lib/kubelab", CPU: 64, Memory: 1 << 40}),
		"all is as it was asked": asked(Options{Port: 6443, CPU: 2, Services: services.DefaultRange}, "port", "node-cpu", "service-cidr"),
	} {
		if err := spec.lasting(o); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := spec.whileUp(o); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestRangesThatCannotBeAreRefused(t *testing.T) {
	for said, o := range map[string]Options{
		"--pod-cidr":     {Pods: netip.MustParsePrefix("10.244.1.0/24")},
		"--service-cidr": {Services: netip.MustParsePrefix("10.96.0.0/8")},
		"overlaps":       {Services: netip.MustParsePrefix("10.244.7.0/24")},
	} {
		o.Name = "x"
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("it says %v, want %q", err, said)
		}
	}
}
