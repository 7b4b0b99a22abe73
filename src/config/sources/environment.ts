/** Names and values as the operating system gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A copy of the environment. No other file reads it, so every variable that changes the program is a declared setting. The exceptions
 * are libraries: those of the clouds (kafka/login/cloud), OpenTelemetry's (tracing) and MIT Kerberos read variables of their own, which
 * their documentation names.
 */
export function readEnvironment(): Environment {
  return { ...process.env };
}

/** Sets a variable of this process, for a library that has no other way to be configured. */
export function setEnvironmentVariable(name: string, value: string): void {
  process.env[name] = value;
}
