// Package sitecommand has the commands of the lab site: kube site, which serves a cluster that lives, kube record and kube
// replay. It is also where the site meets a cluster: what it shows, breaks, holds and asks is plugged in here.
package sitecommand
