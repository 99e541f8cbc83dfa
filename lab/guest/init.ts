/** What the guest does: the first program of its file system, and two small ones beside it. */
import { basename } from 'node:path';

/** Words of the kernel's command line that `init` knows. */
export interface GuestIdentity {
  /** Of `eth0`, with its prefix: `10.9.0.1/24`. */
  ip: string;
  /** Serves a file of so many MiB as http://ADDRESS/big; absent: no server. Sparse, so it costs no memory. */
  httpMib?: number;
  /** Writes so many MiB/s to its memory from the start (program `dirty`). */
  dirtyMibPerSecond?: number;
}

/**
 * The kernel's command line. `mhz`: of the host's processor; without it the clock of an emulated processor is measured
 * for seconds, or never found.
 */
export const appendOf = (identity: GuestIdentity, mhz: number): string =>
  [
    `console=ttyS0 quiet panic=-1 tsc_early_khz=${Math.round(mhz * 1000)} guest.ip=${identity.ip}`,
    ...(identity.httpMib === undefined ? [] : [`guest.http=${identity.httpMib}`]),
    ...(identity.dirtyMibPerSecond === undefined ? [] : [`guest.dirty=${identity.dirtyMibPerSecond}`]),
  ].join(' ');

/** Printed on the console when the guest answers. */
export const GUEST_UP = 'guest is up';

export const initScript = (modules: readonly string[]): string => `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /etc/acpi/PWRF
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
${modules.map((path) => `insmod /${basename(path)}`).join('\n')}
ip link set lo up
ip link set eth0 up
for word in $(cat /proc/cmdline); do
  value=\${word#*=}
  case $word in
    guest.ip=*) ip addr add "$value" dev eth0 ;;
    guest.http=*) mkdir /tmp/www; truncate -s "$value"M /tmp/www/big; httpd -h /tmp/www ;;
    guest.dirty=*) dirty "$value" & ;;
  esac
done
acpid -l /tmp/acpid.log
echo ${GUEST_UP}
while :; do setsid cttyhack sh; done
`;

export const POWER_BUTTON = '#!/bin/sh\npoweroff -f\n';

/** `dirty N`: writes N MiB/s to 16 MiB of memory, again and again, until it is killed. */
export const DIRTY_PROGRAM = `#!/bin/sh
[ -f /tmp/dirt ] || head -c 4194304 /dev/urandom > /tmp/dirt
pause=$((4000000 / \${1:-1}))
while :; do
  for slot in 1 2 3 4; do
    cat /tmp/dirt 1<> /tmp/dirt.$slot
    usleep $pause
  done
done
`;
