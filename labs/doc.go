// Package labs is the guided labs: one folder per lab with a lab.yaml, and what reads, checks and proves them.
//
// The problem: somebody who follows instructions wants to know at once whether it worked, and if not, why. And
// instructions rot: what was true when they were written is not when the program has changed.
//
// So a step of a lab says what to do and how to tell that it is done, both as commands that a student could type. While a step is
// open its checks run again and again ([Checker.Watch]), so that it ticks itself off; a check that fails shows
// what it expected and what it saw.
//
// Who only pastes commands learns to paste. So a step may ask before it tells: its commands are shown when the student has
// committed to an answer (or to "I don't know"), and afterwards a command measures what happened, beside what was predicted. The
// last steps give only a goal: their commands are the last of three hints, each opened by hand. And in the challenges something is
// broken out of sight: there are no commands, and every way that reaches the goal and leaves alone what works is a solution.
//
// [Trial] does a whole lab as a student would: each step's checks must fail before
// its commands and pass after them, each prediction must be measured as the lab says, each challenge must fail by its fault, pass by
// each of its solutions, and not by what is wrong. A lab that cannot fail is a broken lab.
//
// # lab.yaml
//
//	title: One pod, one IP
//	minutes: 15              # that a student needs
//	chapter: 03-pods         # default: the folder's name
//	reset:                   # takes away all that the lab made or changed; done twice it does no harm, and it touches no files
//	  - kubectl delete pod web --ignore-not-found
//	steps:
//	  - id: break-it         # small letters, digits, dashes
//	    title: Kill the server
//	    text: |              # Markdown
//	      Predict first …
//	    run:                 # what the student types; each command stands for itself
//	      - kubectl exec web -- killall httpd || true
//	      - {do: kubectl exec web -- false, fails: true, within: 30s}   # meant to fail; it may take 30 s (default 2m)
//	    observe: true        # there is only something to see: nothing changes, and the checks may be true before
//	    view: pod            # the picture, and the object that it shows
//	    object: pods/default/web
//	    needs: [create]      # earlier steps; default: the one before; []: none
//	    predict:             # one, or a list; the commands are shown when each has an answer
//	      - ask: Is the visitor restarted, too?     # Markdown
//	        choices:         # one is marked; found: a pattern of what is measured then
//	          - {say: "Yes: a pod lives and dies as one", found: ^[1-9]}
//	          - {say: "No: only the server is", found: ^0, right: true}
//	        measure: kubectl get pod web -o jsonpath='{.status.containerStatuses[1].restartCount}'   # its output is the outcome
//	        because: Each container has a restart counter of its own.                                # shown beside the outcome
//	      - {ask: "After how long?", number: 10, tolerance: 4, unit: s, measure: kubectl get …}
//	      - {ask: "In which phase?", word: Running, measure: {run: kubectl get …, within: 20s}}
//	    faded: true          # only the goal is shown; the commands are the last hint
//	    hints: [Look at …, It means …]              # opened one by one; three, or in a faded step two, and then its commands
//	    check:               # all must pass; a check that succeeds, or:
//	      - kubectl wait pod/web --for=condition=Ready --timeout=5s
//	      - {run: kubectl get pod web -o jsonpath='{.status.phase}', expect: Running}   # the exact text
//	      - {run: kubectl get pod web -o wide, matches: '10\.244\.', within: 20s}       # a regular expression; default 10s
//	      - {run: kubectl get pod web, says: There is a pod called web.}                # what is true then: read before the command
//	    hint:                # while a check fails, the first of these that has something to say
//	      - {when: (?i)not ?found, say: There is no pod yet.}          # when: matches what a failing check saw
//	      - run: kubectl get events --for pod/web -o name | head -n 1  # what it prints is the hint
//	      - Wait a moment.   # a text alone: always
//	    holds:               # stays true before, during and after the step's commands
//	      - run: timeout 5 wget -qO- http://10.96.0.10
//	        expect: ok
//	        worse: [kubectl delete pod web]        # a fault that makes it fail: it could
//	        mend: [kubectl apply -f web.yaml]
//	challenges:              # each begins with a lab that was reset
//	  - id: refused
//	    title: Connection refused
//	    text: |              # the story, and the goal
//	      The shop answers "connection refused" since noon. Mend it …
//	    setup: [kubectl apply -f - <<END …]         # what the story needs
//	    break: [kubectl patch service shop …]       # the fault, made out of sight
//	    view: service        # and object, as in a step
//	    check:               # the goal
//	      - {run: kubectl exec client -- …, expect: ok, says: The client gets an answer.}
//	    holds:               # what must not be touched: it prints what it printed before the fault, or what it expects
//	      - {run: "kubectl get pods -l lab=services -o jsonpath='{.items[*].metadata.uid}'", says: No pod was replaced.}
//	    hints: [Where to look., What it means., What to do.]
//	    solutions:           # two or more, of which each passes
//	      - {name: the port's name, do: [kubectl patch …]}
//	      - {name: the port's number, do: [kubectl patch …]}
//	    wrong:               # what must not pass; each of holds fails in one of them
//	      - {name: delete all and apply again, do: [kubectl delete …]}
//	    debrief: |           # what was wrong, and which observation gives it away
//
// A check passes when its command ends with 0 and prints what is expected; space around the text does not count, and what is said on
// standard error is evidence only.
//
// # How commands run
//
// By bash (sh where there is none) with pipefail, in a folder with the lab's other files, a copy of the student's own
// below ~/kubelab-labs. kubectl, kube and their cluster are set up ([Environment]). Nothing carries over from one command to the next but
// files and the cluster; what a command leaves in the background ends with it.
//
// What needs root is written as a student writes it: sudo kube cri ps. In a terminal of the lab site and in a trial, sudo
// knows kubelab's programs and its cluster, and where one is root already it simply runs the command ([MakeTools]): a
// container image or a CI machine often has no sudo.
//
// On the lab site checks, measurements, resets and what sets a challenge up run as root, in a folder of the student's: so they read
// and write no files there. What a student's command saw and a measurement needs is written to the cluster.
//
// # One lab after another
//
// Labs share one cluster, and the book's order leads from one to the next. [Progress] keeps whether a lab has left things there, from
// its first step with something to do until its reset. Who begins another lab is asked whether these shall go first
// ([Tidy]). Each object of a lab has a label, lab: NAME, and checks ask for it, so that what is left ticks nothing off.
//
// Labs work with no network: every node has the image busybox from the start (httpd, wget without -T, nc, nslookup, sleep, sh).
package labs
