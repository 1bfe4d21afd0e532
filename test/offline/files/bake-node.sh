#!/bin/bash
# Runs once in a new node image, as root and privileged. Standard input: an archive of the images that pods need.
set -euo pipefail

# Of Debian's units only those that kind wants may start in a container.
find /usr/lib/systemd/system/sysinit.target.wants -name systemd-tmpfiles-setup.service -delete
rm -f /usr/lib/systemd/system/{multi-user,local-fs,basic}.target.wants/* /etc/systemd/system/*.wants/* \
  /usr/lib/systemd/system/sockets.target.wants/*{udev,initctl}*
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nReadKMsg=no\n' >/etc/systemd/journald.conf.d/kind.conf
systemctl enable --quiet kubelet.service containerd.service undo-mount-hacks.service
systemctl mask --quiet systemd-binfmt.service

# What containerd gives every container, with kind's hook and without limits that could not be set.
hook='.hooks.createContainer += [{path: "/kind/bin/mount-product-files.sh"}]'
ctr oci spec | jq "$hook | del(.process.rlimits)" >/etc/containerd/cri-base.json

containerd >/var/log/containerd-bake.log 2>&1 </dev/null &
until ctr version >/dev/null 2>&1; do
  kill -0 $! || { cat /var/log/containerd-bake.log >&2; exit 1; }
  sleep 0.1
done
ctr --namespace=k8s.io images import --all-platforms --no-unpack --digests - >/dev/null
kill $!
wait $! || true
rm -rf /var/log/containerd-bake.log /run/containerd
