'use strict';
/** Traffic for the demonstration: `serve`, `connect COUNT`, or `write FILE COUNT` for a capture file. */
const dgram = require('node:dgram');
const net = require('node:net');
const { join } = require('node:path');

const PORT = 8080;
const ADDRESSES = { 4: '10.99.0.2', 6: 'fd99::2' };
const AT_ONCE = 200;

function serve() {
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => socket.end(Buffer.concat([data, Buffer.alloc(400, 'x')])));
  });
  server.listen({ port: PORT, host: '::', backlog: 1000 }, () => process.stdout.write('ready\n'));
  for (const [type, host] of [['udp4', ADDRESSES[4]], ['udp6', ADDRESSES[6]]]) {
    const socket = dgram.createSocket({ type, ipv6Only: type === 'udp6' });
    socket.on('message', (message, from) => socket.send(message, from.port, from.address));
    socket.bind(PORT, host);
  }
}

/** Resolves with the port that the system gave it. */
function tcp(version) {
  return new Promise((resolve, reject) => {
    let port;
    const socket = net.connect({ port: PORT, host: ADDRESSES[version] }, () => {
      port = socket.localPort;
      socket.write('GET / HTTP/1.0\r\n\r\n');
    });
    socket.resume();
    socket.on('close', () => resolve(port));
    socket.on('error', reject);
  });
}

/** The same. Asks three times; UDP may lose an answer, which is no failure. */
function udp(version) {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(`udp${version}`);
    let answers = 0;
    const end = () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    };
    const timer = setTimeout(end, 2000);
    socket.on('message', () => {
      if (++answers < 3) {
        socket.send('again', PORT, ADDRESSES[version]);
      } else {
        clearTimeout(timer);
        end();
      }
    });
    socket.send('hello', PORT, ADDRESSES[version]);
  });
}

/** Prints how many of the connections have addresses and ports of their own: the system gives ports again when they are free. */
async function connect(count) {
  let begun = 0;
  const flows = new Set();
  const worker = async () => {
    while (begun < count) {
      const number = begun++;
      const version = number % 3 === 0 ? 6 : 4;
      const protocol = number % 5 === 0 ? udp : tcp;
      flows.add(`${protocol.name} ${version} ${await protocol(version)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  process.stdout.write(`${flows.size}\n`);
}

function write(file, count) {
  const { writeCaptureFile } = require(join(__dirname, '..', 'dist', 'src', 'index.js'));
  const packets = [];
  for (let round = 0; round < 6; round++) {
    for (let number = 0; number < count; number++) packets.push({ bytes: frame(number, round % 2 === 1), seconds: 1_700_000_000 + round, nanoseconds: number * 1000 });
  }
  writeCaptureFile(file, packets);
}

/** A TCP or UDP packet of a connection, in one direction or the other. */
function frame(number, back) {
  const bytes = Buffer.alloc(90);
  const client = { address: [10, 1, (number >> 8) & 255, number & 255], port: 10_000 + (number % 50_000) };
  const server = { address: [10, 2, 0, 1 + (number % 50)], port: number % 5 === 0 ? 53 : 443 };
  const [from, to] = back ? [server, client] : [client, server];
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 76]);
  bytes.set([64, number % 5 === 0 ? 17 : 6], 22);
  bytes.set(from.address, 26);
  bytes.set(to.address, 30);
  bytes.writeUInt16BE(from.port, 34);
  bytes.writeUInt16BE(to.port, 36);
  if (number % 5 === 0) bytes.writeUInt16BE(56, 38);
  else bytes.set([0x50, 0x10, 1, 0], 46);
  return bytes;
}

const [, , what, first, second] = process.argv;
const work = { serve: () => serve(), connect: () => connect(Number(first)), write: () => write(first, Number(second)) }[what];
Promise.resolve(work()).catch((error) => {
  process.stderr.write(`traffic: ${error.message}\n`);
  process.exit(1);
});
