#!/bin/sh
# Runs a VM by virsh, for `run exec`: the domain has the VM's name and is defined on every host, on shared storage.
#   vm web on a  mac 52:54:00:00:00:01  port bridge:virbr0  run exec "/usr/local/bin/exec-driver.sh"
# The destination's address is that of its `hostname`; give another in VNET_MOVE_ADDRESS. See docs/migration.md.
verb=$1 name=$2
input=$(cat)
state() { virsh domstate "$name" 2>/dev/null | head -n 1; }
say() { printf '%s\n' "$1"; }
ticket_address() { printf %s "$input" | sed -n 's/.*"ticket":{[^}]*"address":"\([^"]*\)".*/\1/p'; }

case $verb in
  check)
    virsh dominfo "$name" >/dev/null 2>&1 ||
      say '{"obstacles":[{"kind":"image","message":"virsh knows no domain of this name here","blocking":true}]}' ;;
  start) [ "$(state)" = running ] || virsh start "$name" >&2 ;;
  stop)
    grace=$(printf %s "$input" | sed -n 's/.*"graceMs":\([0-9]*\).*/\1/p')
    left=$((${grace:-0} / 1000))
    virsh shutdown "$name" >&2
    while [ "$(state)" = running ] && [ "$left" -gt 0 ]; do sleep 1; left=$((left - 1)); done
    [ "$(state)" = running ] || [ "$(state)" = paused ] || exit 0
    virsh destroy "$name" >&2 ;;
  status)
    virsh version >/dev/null || exit 1 # who cannot ask must not say that it is stopped
    case $(state) in
      running | idle | 'in shutdown') say '{"state":"running"}' ;;
      paused) say '{"state":"paused"}' ;;
      *) say '{"state":"stopped"}' ;;
    esac ;;
  # libvirt prepares the destination itself; `status` there tells when the VM runs.
  receive) say "{\"ticket\":{\"address\":\"${VNET_MOVE_ADDRESS:-$(hostname -f)}\"}}" ;;
  send)
    address=$(ticket_address)
    [ -n "$address" ] || { echo 'the ticket names no address' >&2; exit 1; }
    exec virsh migrate --live "$name" "qemu+ssh://$address/system" >&2 ;;
  cancel) virsh domjobabort "$name" >/dev/null 2>&1; [ "$(state)" = running ] || virsh resume "$name" >&2 ;;
  discard) ;; # libvirt removes what a failed migration left
  *) echo "no verb $verb" >&2; exit 2 ;;
esac
