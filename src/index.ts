/** What a program that embeds the server imports. */
export { type Grant, type MintOptions, mintToken } from './auth/mint.ts';
export { type Config, readConfig } from './config.ts';
export { type RunningServer, type ServerParts, startServer } from './server.ts';
export { ConfigError, type Setting, settings } from './settings.ts';
export type { TelemetryEvent } from './telemetry.ts';
