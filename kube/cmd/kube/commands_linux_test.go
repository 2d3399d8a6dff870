package main

import (
	"os"
	"testing"
)

func TestProgramsOfTheSystemAreFoundAlsoWithThePATHOfAUser(t *testing.T) {
	t.Setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
	for range 2 { // a component has it from its starter
		if _, err := platformCommands(); err != nil {
			t.Fatal(err)
		}
		if path := os.Getenv("PATH"); path != "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" {
			t.Errorf("programs are looked for in %s", path)
		}
	}
}
