// Package images keeps the images that a node's containers start from.
//
// # The problem
//
// A program needs its files: libraries, an interpreter, /etc. A container brings all of them along, as a whole root filesystem, so that it
// runs the same on every machine. But a root filesystem is large, hundreds of containers start from the same one, and a new
// version of a program changes a few files of it.
//
// # The idea
//
// An image is a list of layers and a description. A layer is a tar archive of the files that one build step added, changed or
// deleted. All parts are named by the SHA-256 of their content, so a part that two images share is stored once, a part that is there already is not
// fetched again, and whoever has the name can check the content.
//
//	docker.io/library/web:2 ──► manifest sha256:4f… ──► config  sha256:a1…  what to run: env, entrypoint, cmd, user, …
//	   a name, may move          a list, in JSON    ──► layer 1 sha256:77…  the files of busybox
//	                                                ──► layer 2 sha256:c0…  /app/web, and that /app/old is gone
//
// The image's ID is the digest of its config. A registry is a web server with two kinds of pages: manifests, by name or digest, and blobs, by digest.
//
// To start a container, the node stacks the layers with the kernel's overlay filesystem: each unpacked layer is a directory that is only
// read, and the container writes into one more on top. So a hundred containers of an image share its files on disk and in memory.
//
// A layer cannot hold "nothing", so a deletion is a file with a special name: .wh.old says that old is gone, .wh..wh..opq that everything
// in this directory is new. Unpacking turns these whiteouts into what overlay understands (see unpack.go).
//
// # On disk
//
// The store is a directory in the OCI image layout, with the unpacked layers beside it:
//
//	oci-layout, index.json    which name is which manifest (also "sha256:<id>" for every image)
//	blobs/sha256/<digest>     manifests, configs and layers, as they came
//	layers/<diff id>/         the layers unpacked; the diff id is the digest of the tar before compression
//	tmp/                      what is being written; it moves into place when it is whole and on disk
//	lock, index.lock          locks between processes
//
// Nothing is kept in memory: each call reads the index again. So the node's runtime sees at once what `kube image load`, another process,
// put there, and a kill at any instant leaves an image there or not there, never half of it. What is left over in tmp/, and content that no image names,
// goes at the next [Open] or [Store.Remove].
//
// # Strangers' archives
//
// A layer comes from somebody else, and is unpacked by root. Names with "..", links that lead out, writing through a link that
// was planted before: all of it is confined to the layer's directory by os.Root, which resolves each component of a path relative to an open directory. Device
// nodes are left out. A few hundred bytes can unpack to gigabytes, so there are bounds: for a layer, for an image, for what may come out of so many packed bytes,
// and for the disk, of which a part is kept free (see budget.go). Zeros are written as holes.
//
// # Simplified
//
// Real runtimes verify signatures, fetch lazily, use other snapshotters than overlay (btrfs, zfs, devmapper), and map owners for user namespaces.
// Here compressed layers are kept for good beside the unpacked ones, so an image takes up more disk, but can be pushed or built upon as it came.
//
// Chapter 02 is about images.
package images
