/** Scripts that have wrk post given bodies in turn. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../tools/kafka/folders.ts';
import { mixBodies } from './bodies.ts';

/**
 * Writes a script that posts the bodies in turn, over and over, and returns its path. The requests are put together
 * before the load begins: wrk shares the machine with what is measured, and should take little of it.
 */
export function writePosts(
  bodies: readonly Buffer[],
  headers: Readonly<Record<string, string>> = { 'Content-Type': 'application/json' },
): string {
  const folder = temporaryFolder('http2kafka-bench-');
  const file = join(folder, 'bodies');
  const script = join(folder, 'post.lua');
  // One file for all: a body may hold any byte, and there may be ten thousand of them.
  writeFileSync(file, Buffer.concat(bodies));
  writeFileSync(
    script,
    `local sizes = { ${bodies.map((body) => body.length).join(', ')} }
local requests = {}
local next = 0
init = function()
  local file = io.open(${JSON.stringify(file)}, "rb")
  for index, size in ipairs(sizes) do
    requests[index] = wrk.format("POST", nil, { ${luaFields(headers)} }, file:read(size))
  end
  file:close()
end
request = function()
  next = next % #requests + 1
  return requests[next]
end
done = function(summary, latency)
  io.write("99.9th percentile: ", latency:percentile(99.9), "us\\n")
end
`,
  );
  return script;
}

/** A script that posts the single events below a folder in turn. */
export function writeScript(folder: string): string {
  return writePosts(mixBodies(folder));
}

function luaFields(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `[${JSON.stringify(name)}] = ${JSON.stringify(value)}`)
    .join(', ');
}
