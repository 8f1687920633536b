/** What a program that embeds the server imports. */
export { type Grant, type MintOptions, mintToken } from './auth/mint.ts';
export { type Config, ConfigError, readConfig, type Setting, settings } from './config.ts';
export { type RunningServer, type ServerParts, startServer } from './server.ts';
export type { TelemetryEvent } from './telemetry.ts';
