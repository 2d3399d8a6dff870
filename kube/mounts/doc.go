// Package mounts takes away what is mounted below a directory into which somebody else may have written.
//
// The kernel's list of mounts (/proc/self/mountinfo) names places by their paths. A path may be written by whoever names a directory, and
// lead elsewhere by the time that it is used: so it is followed only while there is no symbolic link in it. The list is read here and not by a
// library: those that there are read no line that is longer than 64 KiB, and whoever mounts a directory that lies deep makes one.
package mounts
