// Package streams is what a command reads and writes, on its way: pipes and terminals, the log, and the clients that are attached.
//
// A [Copier] stands at the client's end, between its readers and writers and the file descriptors that go to the shim. An [Output] stands at
// the shim's end: it copies what a command writes to the container's [LogFile] and to whoever is attached. Who does not keep up
// must not stop the command: a client that does not read is cut off, and what cannot be logged is lost.
package streams
