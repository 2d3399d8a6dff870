"""What programs in Python do with a cluster, with the client that they use. Each step says in one line how it went; the first that
does not do what it should ends the program."""

import sys
import threading
import time

import kubernetes
from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import portforward, stream

config.load_kube_config(sys.argv[1])
core, apps = client.CoreV1Api(), client.AppsV1Api()
NAMESPACE = "python"


def step(name):
    print("ok", name, flush=True)


def pod(name, *command):
    container = client.V1Container(name="main", image="busybox", command=list(command))
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name=name, labels={"by": "python"}),
        spec=client.V1PodSpec(containers=[container], restart_policy="Never", termination_grace_period_seconds=0),
    )


def refused(code, ask):
    try:
        ask()
    except ApiException as problem:
        assert problem.status == code, problem
        return problem
    raise AssertionError("it should have been refused with %d" % code)


core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
assert client.VersionApi().get_code().git_version.startswith("v1.")
assert any(group.name == "apps" for group in client.ApisApi().get_api_versions().groups)
assert any(r.name == "pods" for r in core.get_api_resources().resources)
step("discover")

core.create_namespaced_pod(NAMESPACE, pod("shell", "sh", "-c", "i=0; while [ ! -e /end ]; do echo line $i; i=$((i+1)); usleep 50000; done"))
seen = []
for event in watch.Watch().stream(core.list_namespaced_pod, NAMESPACE, label_selector="by=python", timeout_seconds=60):
    seen.append(event["type"])
    if event["object"].status.phase == "Running":
        break
assert seen[0] == "ADDED" and "MODIFIED" in seen[1:], seen
step("watch")

# A watch that has an end, and goes on where it was.
w, names = watch.Watch(), []
version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version


def make():
    for name in ("one", "two", "three"):
        core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data={"a": name}))
        time.sleep(1.2)


maker = threading.Thread(target=make)
maker.start()
while len(names) < 3:
    for event in w.stream(core.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=1):
        names.append(event["object"].metadata.name)
        if len(names) == 3:
            w.stop()
    version = w.resource_version
maker.join()
assert names == ["one", "two", "three"], names
step("watch again")

lines = []
w = watch.Watch()
for line in w.stream(core.read_namespaced_pod_log, "shell", NAMESPACE):
    lines.append(line)
    if len(lines) == 10:
        w.stop()
assert lines == ["line %d" % i for i in range(10)], lines
assert core.read_namespaced_pod_log("shell", NAMESPACE, tail_lines=1).startswith("line ")
step("logs")

said = stream(core.connect_get_namespaced_pod_exec, "shell", NAMESPACE, command=["sh", "-c", "echo out; echo err >&2"],
              stdout=True, stderr=True, stdin=False, tty=False)
assert sorted(said.split()) == ["err", "out"], said
session = stream(core.connect_get_namespaced_pod_exec, "shell", NAMESPACE, command=["sh"],
                 stdout=True, stderr=True, stdin=True, tty=False, _preload_content=False)
session.write_stdin("echo hello\n")
assert session.readline_stdout(timeout=20) == "hello"
session.write_stdin("echo oops >&2\n")  # not before: of two messages that come together the client sees one
assert session.readline_stderr(timeout=20) == "oops"
session.write_stdin("exit 3\n")
session.run_forever(timeout=20)
assert session.returncode == 3, session.returncode
session.close()
terminal = stream(core.connect_get_namespaced_pod_exec, "shell", NAMESPACE, command=["tty"],
                  stdout=True, stderr=False, stdin=True, tty=True)
assert terminal.startswith("/dev/pts/"), terminal
refused(0, lambda: stream(core.connect_get_namespaced_pod_exec, "none", NAMESPACE, command=["true"], stdout=True))
step("exec")

stream(core.connect_get_namespaced_pod_exec, "shell", NAMESPACE, stdout=True, stderr=True, stdin=False, tty=False,
       command=["sh", "-c", "nc -ll -p 9000 -e cat >/dev/null 2>&1 & until nc 127.0.0.1 9000 </dev/null >/dev/null 2>&1; do usleep 10000; done"])
forward = portforward(core.connect_get_namespaced_pod_portforward, "shell", NAMESPACE, ports="9000")
socket = forward.socket(9000)
socket.settimeout(20)
socket.sendall(b"ping")
assert socket.recv(4) == b"ping"
socket.close()
assert forward.error(9000) is None, forward.error(9000)
step("port-forward")

patched = core.patch_namespaced_config_map("one", NAMESPACE, {"data": {"b": "more"}})
assert patched.data == {"a": "one", "b": "more"}, patched.data
patched = core.patch_namespaced_config_map("one", NAMESPACE, [{"op": "remove", "path": "/data/b"}])
assert patched.data == {"a": "one"}, patched.data
patched.data["c"] = "replaced"
replaced = core.replace_namespaced_config_map("one", NAMESPACE, patched)
assert replaced.data["c"] == "replaced"
refused(409, lambda: core.replace_namespaced_config_map("one", NAMESPACE, patched))
refused(409, lambda: core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="one"))))
refused(404, lambda: core.read_namespaced_config_map("none", NAMESPACE))
refused(422, lambda: core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="No Name"))))
core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="dry")), dry_run="All")
refused(404, lambda: core.read_namespaced_config_map("dry", NAMESPACE))
step("write")

for i in range(12):
    core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="page-%02d" % i, labels={"page": "yes"})))
names, more = [], None
while True:
    page = core.list_namespaced_config_map(NAMESPACE, label_selector="page=yes", limit=5, _continue=more)
    assert len(page.items) <= 5
    names += [item.metadata.name for item in page.items]
    more = page.metadata._continue
    if not more:
        break
assert names == ["page-%02d" % i for i in range(12)], names
step("pages")

deployment = client.V1Deployment(
    metadata=client.V1ObjectMeta(name="web"),
    spec=client.V1DeploymentSpec(
        replicas=1, selector=client.V1LabelSelector(match_labels={"app": "web"}),
        template=client.V1PodTemplateSpec(
            metadata=client.V1ObjectMeta(labels={"app": "web"}),
            spec=client.V1PodSpec(termination_grace_period_seconds=0, containers=[client.V1Container(name="main", image="busybox", command=["sleep", "1000000"])]))))
apps.create_namespaced_deployment(NAMESPACE, deployment)
apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 2}})
assert apps.read_namespaced_deployment_scale("web", NAMESPACE).spec.replicas == 2
for event in watch.Watch().stream(apps.list_namespaced_deployment, NAMESPACE, timeout_seconds=60):
    if event["object"].status.ready_replicas == 2:
        break
else:
    raise AssertionError("two replicas never were ready")
step("deployment")

refused(404, lambda: core.delete_namespaced_pod("none", NAMESPACE))
core.delete_namespaced_pod("shell", NAMESPACE, grace_period_seconds=0)
core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="page=yes")
assert not core.list_namespaced_config_map(NAMESPACE, label_selector="page=yes").items
apps.delete_namespaced_deployment("web", NAMESPACE, propagation_policy="Foreground")
core.delete_namespace(NAMESPACE)
for event in watch.Watch().stream(core.list_namespace, field_selector="metadata.name=" + NAMESPACE, timeout_seconds=60):
    if event["type"] == "DELETED":
        break
else:
    raise AssertionError("the namespace never went")
step("delete")

review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(
    resource_attributes=client.V1ResourceAttributes(verb="get", resource="pods")))
assert client.AuthorizationV1Api().create_self_subject_access_review(review).status.allowed
step("review")
