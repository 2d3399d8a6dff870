#!/usr/bin/env bash
# Runs a program on a machine whose first process is systemd, in cgroup v2, and ends with the program's exit code. The
# machine is made of namespaces; its files are an overlay over the real ones, so that nothing is written to those.
#
#   systemd.sh DIR PROGRAM ARGUMENTS...     DIR is an empty directory
set -euo pipefail

dir=$1
if [ "$$" != 1 ]; then # outside
	unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	mkdir "$unified/$(basename "$dir")"
	trap 'find "$unified/$(basename "$dir")" -depth -type d -exec rmdir {} \;' EXIT
	code=0
	bash -c 'echo $$ >"$0/cgroup.procs" && exec unshare --cgroup --pid --mount --net --uts --ipc --fork --kill-child -- "$@"' \
		"$unified/$(basename "$dir")" "$0" "$@" || code=$?
	exit "$code"
fi

shift
root=$dir/root
mount --make-rprivate /
mount -t tmpfs tmpfs "$dir"
mkdir "$dir/upper" "$dir/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount --rbind /dev "$root/dev"
mkdir -p "$root/run/systemd/system"
printf '[Unit]\nDescription=a machine for a test\nDefaultDependencies=no\n' >"$root/run/systemd/system/lab.target"

run() {
	for _ in {1..200}; do
		[ ! -S /run/systemd/private ] || break
		sleep 0.05
	done
	local code=0
	"$@" || code=$?
	systemctl --force exit "$code"
}
export -f run
chroot "$root" bash -c 'run "$@"' run "$@" &
exec env -i container=lab PATH="$PATH" chroot "$root" /lib/systemd/systemd --system --unit=lab.target --show-status=no --log-level=err
