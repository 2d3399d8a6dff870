# Reads the events of `go test -json` and tells a person: each package as it ends, in full what failed, and at the
# end what was left out, and why.

function value(key,    rest) {
	if (!match($0, "\"" key "\":\"([^\"\\\\]|\\\\.)*\"")) return ""
	rest = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 5)
	gsub(/\\n/, "\n", rest); gsub(/\\t/, "\t", rest); gsub(/\\"/, "\"", rest)
	gsub(/\\u003c/, "<", rest); gsub(/\\u003e/, ">", rest); gsub(/\\u0026/, "\\&", rest)
	gsub(/\\\\/, "\\", rest)
	return rest
}

!/^{/ { print; next } # of the build: it does not speak JSON

{
	action = value("Action"); package = value("Package"); test = value("Test")
	id = package SUBSEP test
}

action == "build-output" { printf "%s", value("Output"); next }

action == "output" {
	text = value("Output")
	if (text ~ /^[ ]*(=== |--- SKIP)/) next
	said[id] = said[id] text
	if (test != "" && text ~ /_test\.go:[0-9]+: |\.go:[0-9]+: /) { sub(/^[ ]*[^ ]+\.go:[0-9]+: /, "", text); last[id] = text }
	next
}

action == "attr" { # a figure that a test tells
	sub(/.*\//, "", test)
	printf "      %s: %s %s\n", test, value("Value"), value("Key")
	next
}

test == "" && action ~ /^(pass|fail|skip)$/ {
	if (action == "fail") { failed++; printf "FAIL  %s\n%s", package, said[id] }
	else if (action == "pass") { ok++; printf "ok    %s\n", package }
	fflush()
	next
}

test != "" && action == "pass" { passed++; delete said[id] }
test != "" && action == "fail" { broken++; printf "%s", said[id]; names = names "  " package " " test "\n"; delete said[id] }
test != "" && action == "skip" {
	skipped++
	reason = last[id]; sub(/\n.*/, "", reason)
	if (reason == "") reason = "no reason given"
	reasons[reason]++
}

END {
	printf "\ntest: %d packages ok, %d failed; %d tests passed, %d failed, %d left out\n", ok, failed, passed, broken, skipped
	if (names != "") printf "failed:\n%s", names
	for (reason in reasons) printf "left out %d: %s\n", reasons[reason], reason
	exit (failed || broken) ? 1 : 0
}
