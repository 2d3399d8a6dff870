// Package e2e goes through every lab in a real browser, as a student does, one after the other in one cluster: it opens the
// chapter, sees each check fail, has every command typed into the terminal of the page, and waits until the step ticks itself
// off. What the pictures draw meanwhile is checked too, and that they stay smooth and right with 300 pods, which a real cluster
// runs on simulated nodes.
//
// The walk itself is written for Node, beside this: walk.test.mjs, many.test.mjs and replay.test.mjs with what they stand on. Go gives them a cluster.
//
//	sudo scripts/test site                             # with all else of the site
//	sudo LABS=09-loop,10-scheduler go test ./site/e2e -v -run Lab
//	sudo SHOTS=/tmp/shots go test ./site/e2e -v        # also keeps a picture of the end of every step
//	sudo go test ./site/e2e -v -run ThreeHundredPods   # the frames' figures; PODS=1000 for more of them
package e2e
