//go:build linux

package images

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// storeOfChild is set in the environment of the process that TestAKillAtAnyInstantLeavesWholeImages kills.
const storeOfChild = "KUBELAB_TEST_IMAGES"

func TestMain(m *testing.M) {
	if dir := os.Getenv(storeOfChild); dir != "" {
		panic(addAndRemoveForever(dir))
	}
	os.Exit(m.Run())
}

// addAndRemoveForever adds images of three layers and removes older ones, until it is killed.
func addAndRemoveForever(dir string) error {
	t := &testing.B{}
	store, err := Open(dir)
	if err != nil {
		return err
	}
	fmt.Println("open")
	for i := 0; ; i++ {
		name := func(i int) string { return fmt.Sprintf("app:%d-%d", os.Getpid(), i) }
		unique := archive(t, file("name", name(i)), file("big", string(make([]byte, 100_000))))
		img := image(t, name(i), archive(t, file("base", "")), unique, archive(t, file("third", name(i/2))))
		_, err := store.Add(context.Background(), img, name(i), "latest")
		if err := errors.Join(err, store.Remove(name(i-3))); err != nil {
			return err
		}
	}
}

func TestAKillAtAnyInstantLeavesWholeImages(t *testing.T) {
	store := newStore(t)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 25 {
		child := exec.Command("/proc/self/exe")
		child.Env = append(os.Environ(), storeOfChild+"="+store.dir)
		child.Stderr = os.Stderr
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		output.Read(make([]byte, 1)) // it has opened the store
		<-time.After(time.Duration(random.Int64N(int64(40 * time.Millisecond))))
		child.Process.Kill()
		child.Wait()

		if err := checkWhole(store); err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
	}
	again, err := Open(store.dir)
	if err != nil {
		t.Fatal(err)
	}
	images, err := again.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		if err := again.Remove(image.ID); err != nil {
			t.Fatal(err)
		}
	}
	for dir, left := range filesIn(t, store) {
		if left > 0 {
			t.Errorf("seed %d: of %d images, %d files are left in %s", seed, len(images), left, dir)
		}
	}
}

// checkWhole looks whether all that the images of a store consist of is there.
func checkWhole(store *Store) error {
	images, err := store.List()
	if err != nil {
		return err
	}
	for _, image := range images {
		if err := whole(store, image); err != nil {
			return fmt.Errorf("image %s: %w", image.Name(), err)
		}
	}
	return nil
}

func whole(store *Store, image Image) error {
	layers := store.Layers(image)
	for i, path := range []string{"/base", "/big", "/third"} {
		if _, err := os.Stat(layers[i] + path); err != nil {
			return err
		}
	}
	index, err := store.names()
	if err != nil {
		return err
	}
	img, err := layout.Path(store.dir).Image(index[image.ID].Digest)
	if err != nil {
		return err
	}
	blobs, err := img.Layers()
	if err != nil {
		return err
	}
	for _, blob := range blobs {
		content, err := blob.Compressed()
		if err != nil {
			return err
		}
		content.Close()
	}
	return nil
}
