// Package mounts takes away what is mounted below a directory into which somebody else may have written.
//
// The kernel's list of mounts (/proc/self/mountinfo) names places by their paths. A path may be written by whoever names a directory, and
// lead elsewhere by the time that it is used: so it is taken only as far as no link is in it.
package mounts
