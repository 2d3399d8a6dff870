package cluster

import (
	"fmt"
	"strings"
)

// choice is something that a person can choose by a flag, and what a cluster that is there has.
type choice struct {
	flag       string
	asked, has any // comparable
}

// refuse names the first choice that is asked for and is not as it is, and says what to do.
func (o Options) refuse(choices []choice, remedy string) error {
	for _, c := range choices {
		if o.Asked[c.flag] && c.asked != c.has {
			return fmt.Errorf("--%s %v: the cluster %s has %v: %s", c.flag, c.asked, o.Name, c.has, remedy)
		}
	}
	return nil
}

// lasting says which of a person's choices a cluster with data cannot follow any more: its objects have such addresses.
func (s *Spec) lasting(o Options) error {
	return o.refuse([]choice{{"pod-cidr", o.Pods, s.Pods}, {"service-cidr", o.Services, s.Services}},
		fmt.Sprintf("its objects have such addresses for good: leave the flag out, or remove it with all that it keeps (%s)", s.Sudo("down --data-dir "+Quoted(s.DataDir))))
}

// whileUp says which of a person's choices a cluster cannot follow while it runs.
func (s *Spec) whileUp(o Options) error {
	choices := []choice{{"data-dir", o.DataDir, s.DataDir}, {"bin", o.Bin, s.Bin}, {"isolated", o.Isolated, s.Isolated}, {"port", o.Port, s.Port}}
	for _, node := range s.With(Node) {
		choices = append(choices, choice{"node-cpu", o.CPU, node.CPU}, choice{"node-memory", o.Memory, node.Memory})
	}
	if site := s.Site; site.Listen != "" {
		choices = append(choices, choice{"no-site", o.NoSite, false}, choice{"site-listen", o.Site.Listen, site.Listen},
			choice{"allow-host", strings.Join(o.Site.AllowHosts, ","), strings.Join(site.AllowHosts, ",")},
			choice{"site-password-file", o.Site.PasswordFile, site.PasswordFile},
			choice{"site-cert", o.Site.Cert, site.Cert}, choice{"site-key", o.Site.Key, site.Key})
	}
	return o.refuse(choices, fmt.Sprintf("take it down first, with its data kept (%s)", s.Sudo("down --keep-data")))
}
