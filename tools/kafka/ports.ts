// Ports of 127.0.0.1 for the servers of tests. A port stays reserved for the process that got it, also while its server is down: another
// test process would otherwise take the port of a broker that is about to start again.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Linux takes ports for outgoing connections from 32768. A client that connects to a dead broker's port could get the same
// port, connect to itself and so block the port of the broker.
const LOWEST_PORT = 15_000;
const HIGHEST_PORT = 32_000;

/** A file for each reserved port, which holds the id of the process that has it. */
const RESERVATIONS = join(tmpdir(), 'http2kafka-ports');

const reserved = new Set<string>();

/** Different free ports between 15000 and 32000, reserved for this process until it ends. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    if (reserve(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

/** Whether a port of 127.0.0.1 is free. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Reserves a port; false when a process that still runs has it, this one included. */
function reserve(port: number): boolean {
  if (reserved.size === 0) {
    mkdirSync(RESERVATIONS, { recursive: true });
    process.once('exit', () => {
      for (const file of reserved) rmSync(file, { force: true });
    });
  }
  const file = join(RESERVATIONS, String(port));
  if (!create(file)) {
    if (isHeld(file)) return false;
    rmSync(file, { force: true });
    if (!create(file)) return false;
  }
  reserved.add(file);
  return true;
}

/** Creates the file; false when there is one. */
function create(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** The process that reserved the port still runs. */
function isHeld(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}
