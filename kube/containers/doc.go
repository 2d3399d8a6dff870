// Package containers makes containers: processes with namespaces, cgroups and a root file system of their own.
package containers
