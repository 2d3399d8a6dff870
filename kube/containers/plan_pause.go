package containers

// PauseID is the ID of a container that no list tells of: process 1 of a sandbox with SharePID, which others join by [Config.ProcessesOf].
const PauseID = "pause"

// pausePath is where the program lies in a root file system that holds nothing else.
const pausePath = "/pause"

// Pause describes that container. Processes of the pod that may look at process 1 see its root file system as their own, so it is empty and
// cannot be written to. It has no powers to gain, and a bound of its own to what it may take, since it is among the last to go when memory runs out.
func Pause(emptyLayer, program string) Config {
	return Config{
		ID: PauseID, Layers: []string{emptyLayer}, Mounts: []Mount{{Source: program, Target: pausePath, ReadOnly: true}},
		Args: []string{pausePath}, Env: []string{"GOMAXPROCS=1"}, ReadonlyRootfs: true,
		CapDrop: []string{"ALL"}, NoNewPrivs: true, OOMScoreAdj: -998, Resources: Resources{MemoryLimit: 32 << 20, PidsLimit: 32},
	}
}
