#!/usr/bin/env bash
# Creates the lab and looks at it. Where images can be pulled it is what a user would type; where they cannot, they are
# built first (test/offline).
set -euo pipefail
plugin=$1
offline=(go run ./test/offline/build)

# Answers whether the images can be pulled. One that was built here says that they could not be before.
can_pull() {
	docker image inspect "$NODE_IMAGE" >/dev/null 2>&1 && return 1
	timeout 20 docker manifest inspect registry.k8s.io/pause:3.10 >/dev/null 2>&1
}

"${offline[@]}" docker
eval "$("${offline[@]}" env)"
create=(lab create)
if ! can_pull; then
	"${offline[@]}" images
	create+=(--node-image "$NODE_IMAGE" --calico-install manifest --calico-manifests "$CALICO_MANIFESTS" --calico-version "$CALICO_VERSION")
fi
show() {
	echo
	echo "\$ kubectl dualstack $*"
	"$plugin" "$@"
}
show "${create[@]}"
for inspector in $("$plugin" --help | awk '/^[^ ]/ { on = /^Inspectors:/ } on && /^ / { print $1 }') trace; do
	case $inspector in pods) all=(-A) ;; *) all=() ;; esac
	show "$inspector" "${all[@]}" --context kind-dual-stack
done
