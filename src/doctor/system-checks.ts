/** Looks at what all interfaces have in common: rights, memory, processors, netmap. */
import { accessSync, constants, existsSync, readFileSync, realpathSync, statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { countText } from '../model/count-text';
import { finding, numberOf, textOf, type Finding } from './finding';

const CAPABILITIES = [{ bit: 13, name: 'cap_net_raw', lets: 'capture and send' }, { bit: 12, name: 'cap_net_admin', lets: 'make taps and switch promiscuous mode on' }] as const;
/** What netmap in user space takes for two small interfaces. */
const SHARED_MEMORY_BYTES = 16 << 20;
/** Sixteen pipes of the usual size. */
const MEMORY_BYTES = 64 << 20;
const NETMAP_DEVICE = '/dev/netmap';

export function checkSystem(netmap: boolean): Finding[] {
  return [...rights(), ...memory(), ...sharedMemory(), ...processors(), ...netmapModule(netmap), ...openFiles()];
}

function rights(): Finding[] {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(textOf('/proc/self/status') ?? '');
  if (!line) return [];
  const effective = BigInt(`0x${line[1]}`);
  const missing = CAPABILITIES.filter(({ bit }) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (missing.length === 0) return [finding('rights', '', 'good', 'This user may capture and send packets.')];
  return [finding('rights', '', 'bad', `This user lacks ${missing.map(({ name, lets }) => `${name} (${lets})`).join(' and ')}.`, {
    why: 'Without them no interface can be opened. Run it as root, or give Node the capabilities once; capture files, pipes and the loopback backend work without.',
    commands: [['sudo', 'setcap', `${missing.map(({ name }) => name).join(',')}+eip`, realpathSync(process.execPath)]],
  })];
}

function memory(): Finding[] {
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(textOf('/proc/meminfo') ?? '')?.[1] ?? Infinity) * 1024;
  if (available >= MEMORY_BYTES) return [];
  return [finding('memory', '', 'bad', `${megabytes(available)} MB of memory is available.`, { why: 'Each pipe and each capture takes 4 MB or more (options ringSize and bufferBytes), and the engines themselves some 50.' })];
}

function sharedMemory(): Finding[] {
  const directory = '/dev/shm';
  if (!existsSync(directory)) return [finding('shared-memory', directory, 'bad', `There is no ${directory}.`, { why: 'The sockets of pipes and the memory of netmap in user space lie there.', commands: [['mount', '-t', 'tmpfs', 'tmpfs', directory]] })];
  const { bavail, bsize, blocks } = statfsSync(directory);
  const free = bavail * bsize;
  const text = `${directory} has ${megabytes(free)} MB free of ${megabytes(blocks * bsize)} MB`;
  if (free >= SHARED_MEMORY_BYTES) return [finding('shared-memory', directory, 'good', `${text}.`)];
  return [finding('shared-memory', directory, 'bad', `${text}: too little.`, {
    why: 'The sockets of pipes and the memory of netmap in user space lie there. Remove leftover files, or make it larger.',
    commands: [['mount', '-o', 'remount,size=1G', directory]],
  })];
}

function megabytes(bytes: number): string {
  return Math.floor(bytes / 2 ** 20).toLocaleString('en-US');
}

function processors(): Finding[] {
  const count = availableParallelism();
  const found = [count > 1
    ? finding('processors', '', 'good', `There are ${count} processors: room for ${countText(count - 1, 'engine')} at full speed alongside the programs that read.`)
    : finding('processors', '', 'doubt', 'There is one processor.', { why: 'An engine and the programs that read its pipes take turns on it, so rings overflow sooner.' })];
  const isolated = textOf('/sys/devices/system/cpu/isolated');
  if (isolated) found.push(finding('isolation', '', 'good', `Processors ${isolated} are isolated: pin engines to them (option cpu).`));
  const governor = textOf('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor');
  if (governor !== undefined && governor !== 'performance') {
    found.push(finding('governor', '', 'doubt', `The frequency governor is ${governor}.`, {
      why: 'A processor that has slowed down takes some milliseconds to speed up again; a burst may be lost meanwhile.', commands: [['cpupower', 'frequency-set', '-g', 'performance']],
    }));
  }
  return found;
}

function netmapModule(wanted: boolean): Finding[] {
  const loaded = existsSync(NETMAP_DEVICE);
  if (!loaded) {
    return [finding('netmap', '', wanted ? 'bad' : 'good', 'The netmap module is not loaded.', {
      why: wanted ? 'Without it the netmap backend works only in programs run by bricks netmap-run.' : '', commands: wanted ? [['modprobe', 'netmap']] : [],
    })];
  }
  const found: Finding[] = [];
  try {
    accessSync(NETMAP_DEVICE, constants.R_OK | constants.W_OK);
    found.push(finding('netmap', '', 'good', `The netmap module is loaded (buf_size ${parameter('buf_size')}, buf_num ${parameter('buf_num')}, ring_num ${parameter('ring_num')}).`));
  } catch {
    found.push(finding('netmap', '', 'bad', `This user may not open ${NETMAP_DEVICE}.`, { why: 'Run it as root, or give the device to a group.', commands: [['chgrp', 'bricks', NETMAP_DEVICE], ['chmod', 'g+rw', NETMAP_DEVICE]] }));
  }
  return found;
}

function parameter(name: string): string {
  return numberOf(`/sys/module/netmap/parameters/${name}`)?.toString() ?? 'unknown';
}

function openFiles(): Finding[] {
  const limit = /^Max open files\s+(\d+)/m.exec(existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : '');
  if (!limit || Number(limit[1]) >= 1024) return [];
  return [finding('open-files', '', 'doubt', `The limit of open files is ${limit[1]}.`, { why: 'Each pipe and file takes up to three. Raise it in the shell: ulimit -n 65536' })];
}
