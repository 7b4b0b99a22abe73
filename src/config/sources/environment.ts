/** Names and values as the operating system gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Sets a variable for a library in this process that can be told only so. */
export function setEnvironmentVariable(name: string, value: string): void {
  process.env[name] = value;
}

/** A copy of the environment. No other file reads it, so that whatever the program heeds is a declared setting. */
export function readEnvironment(): Environment {
  return { ...process.env };
}
