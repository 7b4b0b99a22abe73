/** Scripts with which wrk posts given bodies in turn. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../tools/kafka/folders.ts';
import { mixBodies } from './bodies.ts';

/** Adds to wrk's report what it does not print by itself. */
const TELL_PERCENTILE = `done = function(summary, latency)
  io.write("99.9th percentile: ", latency:percentile(99.9), "us\\n")
end
`;

/** In the value of a header it stands for ten digits, the number of the request. */
export const NUMBER = '@NUMBER@';

/**
 * Writes a script that posts the bodies in turn, again and again. Returns its path. The requests are assembled before the load
 * begins: wrk shares the machine with the measured program, and should use little CPU time. Each connection waits `pauseMs`
 * before each request.
 */
export function writePosts(
  bodies: readonly Buffer[],
  headers: Readonly<Record<string, string>> = { 'Content-Type': 'application/json' },
  pauseMs = 0,
): string {
  const folder = temporaryFolder('http2kafka-bench-');
  const file = join(folder, 'bodies');
  const script = join(folder, 'post.lua');
  // One file for all bodies: a body may contain any byte, and there may be ten thousand of them.
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
${pauseMs > 0 ? `delay = function() return ${pauseMs} end\n` : ''}${TELL_PERCENTILE}`,
  );
  return script;
}

/** Writes a script that posts one body again and again, each time with another `NUMBER` in its headers. Returns its path. */
export function writeNumberedPosts(body: Buffer, headers: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder('http2kafka-bench-');
  const file = join(folder, 'body');
  const script = join(folder, 'post.lua');
  writeFileSync(file, body);
  writeFileSync(
    script,
    `local before, after, next
init = function()
  local file = io.open(${JSON.stringify(file)}, "rb")
  local request = wrk.format("POST", nil, { ${luaFields(headers)} }, file:read("*a"))
  file:close()
  local first, last = request:find("${NUMBER}", 1, true)
  if first then before, after = request:sub(1, first - 1), request:sub(last + 1) else before = request end
  next = 0
end
request = function()
  next = next + 1
  if not after then return before end
  return before .. string.format("%010d", next) .. after
end
${TELL_PERCENTILE}`,
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
