package hangup

import (
	"net"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes of a connection the other side has not taken yet (tcp(7), SIOCOUTQ).
func unsent(c *net.TCPConn) (bytes int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { bytes, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	if err != nil {
		return 0
	}
	return bytes
}
