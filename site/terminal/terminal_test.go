//go:build linux

package terminal_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kubelab/site"
	"kubelab/site/terminal"
)

// place is a directory that everybody may enter.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "terminal-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func prepare(t *testing.T, dir string) *terminal.Terminal {
	t.Helper()
	t.Setenv("HOME", dir) // no settings of the machine's own are to be read: they may take a minute
	kubeconfig := filepath.Join(dir, "admin.kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte("the way in"), 0o600); err != nil {
		t.Fatal(err)
	}
	shells, err := terminal.New(terminal.Options{
		Dir: filepath.Join(dir, "tools"), Kubeconfig: kubeconfig, Bin: "/opt/kube lab", Settings: map[string]string{"KUBELAB_CLUSTER": "it's"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shells.Close(); err != nil {
			t.Error(err)
		}
	})
	return shells
}

// screen collects what a shell prints.
type screen struct {
	t     *testing.T
	shell site.Shell
	text  strings.Builder
}

func open(t *testing.T, shells *terminal.Terminal) *screen {
	t.Helper()
	shell, err := shells.Open(100, 30)
	if err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(20*time.Second, func() { shell.Close() }) // a test that waits in vain is to end
	t.Cleanup(func() {
		watchdog.Stop()
		shell.Close()
	})
	return &screen{t: t, shell: shell}
}

func (s *screen) do(command string) {
	s.t.Helper()
	if _, err := io.WriteString(s.shell, command+"\r"); err != nil {
		s.t.Fatal(err)
	}
}

// await reads until the shell has printed a text.
func (s *screen) await(text string) {
	s.t.Helper()
	buffer := make([]byte, 4096)
	for !strings.Contains(s.text.String(), text) {
		n, err := s.shell.Read(buffer)
		s.text.Write(buffer[:n])
		if err != nil {
			s.t.Fatalf("%v; there is no %q in:\n%s", err, text, s.text.String())
		}
	}
}

// says does a command and returns what it prints.
func (s *screen) says(command string) string {
	s.t.Helper()
	s.text.Reset()
	s.do("echo '<''<'$(" + command + ")'>''>'")
	s.await(">>")
	_, said, _ := strings.Cut(s.text.String(), "<<")
	said, _, _ = strings.Cut(said, ">>")
	return said
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
}

func TestAShellIsThatOfThePersonWhoSaidSudo(t *testing.T) {
	asRoot(t)
	t.Setenv("SUDO_USER", "nobody")
	t.Setenv("A_SECRET_OF_ROOT", "here")
	before, err := syscall.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setgroups([]int{54321}); err != nil { // a group of root's that is none of the person's business
		t.Fatal(err)
	}
	defer syscall.Setgroups(before)
	dir := place(t)
	shells := prepare(t, dir)
	s := open(t, shells)
	for command, want := range map[string]string{
		"id -un": "nobody", "id -G": "65534", "echo $USER $A_SECRET_OF_ROOT": "nobody", "cat $KUBECONFIG": "the way in",
		"cat " + dir + "/admin.kubeconfig 2>&1 | grep -c denied": "1",
		"touch " + dir + "/tools/bin/sudo 2>&1 | grep -c denied": "1",
		"stat -c %U $(tty)": "nobody",
	} {
		if got := s.says(command); got != want {
			t.Errorf("%s: %q, not %q", command, got, want)
		}
	}
	if shells.User() != "nobody" {
		t.Errorf("the page is told that it is a shell of %s", shells.User())
	}
}

func TestWhoIsNotRootIsNobodyElseWhateverTheEnvironmentSays(t *testing.T) {
	asRoot(t)
	t.Setenv("SUDO_USER", "root")
	dir := place(t)
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setreuid(-1, 65534); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setreuid(-1, 0)
	if got := prepare(t, dir).User(); got != "nobody" {
		t.Errorf("of nobody's process the shells are %s's", got)
	}
}

func TestNothingOfAnEarlierLifeIsAmongTheTools(t *testing.T) {
	dir := place(t)
	if err := os.MkdirAll(dir+"/tools/bin", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/tools/bin/kubectl", nil, 0o755); err != nil {
		t.Fatal(err)
	}
	prepare(t, dir)
	if left, err := os.ReadDir(dir + "/tools/bin"); err != nil || len(left) > 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}

func TestOnlyThePersonReadsTheKubeconfigAndItIsGoneAtTheEnd(t *testing.T) {
	asRoot(t)
	t.Setenv("SUDO_USER", "nobody")
	dir := place(t)
	shells := prepare(t, dir)
	info, err := os.Stat(dir + "/tools/kubeconfig")
	if err != nil || info.Mode().Perm() != 0o600 || info.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Errorf("%v, %v", info, err)
	}
	if err := shells.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir + "/tools"); !os.IsNotExist(err) {
		t.Errorf("the tools are there at the end: %v", err)
	}
}

func TestAShellFindsOurProgramsFirstAndItsCluster(t *testing.T) {
	t.Setenv("SUDO_USER", "")
	dir := place(t)
	shells := prepare(t, dir)
	shells.BeginIn(dir)
	s := open(t, shells)
	if got, want := s.says(`echo ${PATH%%:/usr*}`), dir+"/tools/bin:/opt/kube lab"; !strings.HasPrefix(got, want) {
		t.Errorf("PATH begins with %q", got)
	}
	if got := s.says("echo $TERM $KUBELAB_CLUSTER $(pwd)"); got != "xterm-256color it's "+dir {
		t.Errorf("got %q", got)
	}
}

func TestAShellReadsTheSettingsInTheHomeThatItsPersonChose(t *testing.T) {
	t.Setenv("SUDO_USER", "")
	dir := place(t)
	shells := prepare(t, dir)
	if err := os.WriteFile(dir+"/.bashrc", []byte("mine='of my own'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := open(t, shells).says(`echo $mine in $HOME`); got != "of my own in "+dir {
		t.Errorf("the shell says %q", got)
	}
}

func TestATerminalHasTheSizeThatThePageGivesIt(t *testing.T) {
	s := open(t, prepare(t, place(t)))
	if got := s.says("stty size"); got != "30 100" {
		t.Errorf("at first %q", got)
	}
	if err := s.shell.Resize(132, 50); err != nil {
		t.Fatal(err)
	}
	if got := s.says("stty size"); got != "50 132" {
		t.Errorf("then %q", got)
	}
}

func TestAShellThatEndsSaysItsCode(t *testing.T) {
	for command, want := range map[string]int{"exit 7": 7, "kill -9 $$": 137} {
		s := open(t, prepare(t, place(t)))
		s.do(command)
		if _, err := io.Copy(io.Discard, s.shell); err != nil {
			t.Errorf("%s: %v", command, err)
		}
		if got := s.shell.Wait(); got != want {
			t.Errorf("%s: %d", command, got)
		}
	}
}

func TestASessionTakesAlongAllThatItStarted(t *testing.T) {
	s := open(t, prepare(t, place(t)))
	for i, command := range []string{"sleep 98765 &", "nohup sleep 98765 &", "(trap '' HUP TERM; sleep 98765) &", "set -m; sleep 98765 & disown"} {
		s.do(command + " echo 'do''ne'" + strconv.Itoa(i))
		s.await(fmt.Sprint("done", i))
	}
	shell := s.says("echo $$")
	if got := strings.Fields(inSession(shell)); len(got) < 5 {
		t.Fatalf("the session has only %v", got)
	}
	began := time.Now()
	s.shell.Close()
	if left := inSession(shell); left != "" {
		t.Errorf("there are left: %s", left)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("that took %v", took)
	}
}

// inSession lists the processes of a session that are alive.
func inSession(leader string) string {
	out, _ := exec.Command("sh", "-c", "ps -s "+leader+" -o state=,pid=,args= | grep -v ^Z").Output() // it fails where there is none
	return strings.TrimSpace(string(out))
}

func TestCtrlCStopsAFloodThatNobodyReads(t *testing.T) {
	s := open(t, prepare(t, place(t)))
	s.do("yes; echo 'ca''lm'")
	s.await("y\r\ny\r\n")
	if _, err := io.WriteString(s.shell, "\x03"); err != nil { // while what it printed waits to be read
		t.Fatal(err)
	}
	s.do("echo 'qu''iet'")
	began := s.text.Len()
	s.await("quiet")
	if printed := s.text.Len() - began; printed > 1<<20 {
		t.Errorf("it printed %d more bytes", printed)
	}
}

func TestProgramsAreToldThatTheirTerminalIsGoneThoughSomebodyReadsIt(t *testing.T) {
	terminal.GiveTime(t, time.Minute)
	signal.Ignore(syscall.SIGHUP) // as under nohup
	t.Cleanup(func() { signal.Reset(syscall.SIGHUP) })
	dir := place(t)
	s := open(t, prepare(t, dir))
	s.do(`sh -c 'trap "echo told > ` + dir + `/hup; exit" HUP; echo rea""dy; while :; do sleep 0.02; done'`)
	s.await("ready")
	ended := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, s.shell)
		ended <- err
	}()
	for stacks := make([]byte, 1<<20); !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("(*session).Read")); {
		runtime.Gosched()
	}
	s.shell.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir + "/hup"); err != nil {
		t.Error(err)
	}
}
