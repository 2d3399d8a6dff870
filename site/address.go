package site

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"kubelab/kube/atomicfile"
	"kubelab/kube/deadlines"
)

// ErrBeyondLoopback says that an address can be reached from elsewhere, and that nothing guards it.
var ErrBeyondLoopback = errors.New("is not on the loopback")

// Listen opens the address that the site is served on. Beyond the loopback that takes TLS and a password: without the first
// everybody on the way reads the cookie, and the second is what a person can carry to another machine.
func Listen(address, certFile, keyFile, password string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", address, err)
	}
	if (certFile == "") != (keyFile == "") {
		return nil, errors.New("--cert and --key go together: a certificate without its key proves nothing")
	}
	if !resolved.IP.IsLoopback() && (certFile == "" || password == "") {
		return nil, fmt.Errorf("--listen %s %w: that takes --cert, --key and --password-file. "+
			"To reach 127.0.0.1:%d from elsewhere say ssh -L 8080:127.0.0.1:%[3]d THIS-MACHINE there", address, ErrBeyondLoopback, resolved.Port)
	}
	tcp, err := net.ListenTCP("tcp", resolved)
	if err != nil {
		return nil, err
	}
	counted := crowd.Listener(tcp)
	if certFile == "" {
		return door{Listener: counted, counted: counted}, nil
	}
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--cert %s, --key %s: %w", certFile, keyFile, err), tcp.Close())
	}
	return door{secure: true, counted: counted, Listener: tls.NewListener(counted, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, // websockets want 1.1
	})}, nil
}

// door is what the site listens on: over TLS or not, and how many connections there are.
type door struct {
	net.Listener
	counted *deadlines.Counted
	secure  bool
}

// crowd is how many connections there are at once, websockets among them. A whole class may have one address; what is left is for
// others, and those who have asked for nothing yet go first.
var crowd = deadlines.Crowd{Silent: 100, OfAddress: 400, All: 512}

// minPassword is the length of a password, in bytes.
const minPassword = 12

// ReadPassword reads the file of a password: its first line. No file: no password.
func ReadPassword(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("--password-file %s can be read by others: say chmod 600 %s", path, path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	password, _, _ := strings.Cut(string(content), "\n")
	if password = strings.TrimSuffix(password, "\r"); len(password) < minPassword {
		return "", fmt.Errorf("--password-file %s: the password has %d bytes: write one of at least %d", path, len(password), minPassword)
	}
	return password, nil
}

// baseURL is the address as a browser needs it. A loopback's is its number, since of the name another program may have the other number.
func baseURL(listener net.Listener, names []string) string {
	scheme := "http"
	if entrance, ok := listener.(door); ok && entrance.secure {
		scheme = "https"
	}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	if address := net.ParseIP(host); len(names) > 0 && !address.IsLoopback() {
		host = names[0]
	} else if address.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// URLFile is where [KeepIn] keeps the address of a role.
func URLFile(students string, role Role) string {
	if role == Viewer {
		return students + "-viewer"
	}
	return students
}

// KeepIn keeps addresses in files of mode 0600: after a crash at any moment it is the old address or the new one.
func KeepIn(students string) func(role Role, url string) error {
	return func(role Role, url string) error {
		if err := atomicfile.Replace(URLFile(students, role), []byte(url+"\n"), 0o600); err != nil {
			return fmt.Errorf("keep the site's address: %w", err)
		}
		return nil
	}
}
