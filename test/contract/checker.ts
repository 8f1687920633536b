import { readFileSync } from 'node:fs';
import type { JsonObject } from '../../src/codegen/documents.ts';
import type { ObservedRequest } from '../support/http-stream.ts';
import type { TapEvent } from '../support/wire.ts';
import { type SessionRecord, wantedOf } from './continuity.ts';
import { Conversation } from './conversation.ts';
import type { Fact } from './facts.ts';
import { judgeResponse } from './responses.ts';
import { RestContract } from './rest-contract.ts';
import { SocketContract } from './socket-contract.ts';

/** Where a checker tells what it finds. */
export interface CheckerReport {
  /** Something that the contract does not allow: where, and what. */
  violation(text: string): void;
  /** Something that the contract declares was seen, and was as declared. */
  fact(fact: Fact): void;
}

/** Reads a document of `generated/`. */
export function readGenerated(name: 'openapi' | 'asyncapi'): JsonObject {
  return JSON.parse(readFileSync(new URL(`../../generated/${name}.json`, import.meta.url), 'utf8'));
}

/**
 * Judges all that is said over the wire by both documents: every response, every frame in both directions,
 * every close. It shares no code with the server, and none with the generated validators.
 */
export class Checker {
  readonly #rest: RestContract;
  readonly #sockets: SocketContract;
  readonly #sessions = new Map<string, SessionRecord>();
  readonly #report: CheckerReport;
  readonly #now: () => number;

  constructor(
    report: CheckerReport,
    documents: { openapi: JsonObject; asyncapi: JsonObject } = {
      openapi: readGenerated('openapi'),
      asyncapi: readGenerated('asyncapi'),
    },
    now: () => number = () => performance.now(),
  ) {
    this.#rest = new RestContract(documents.openapi);
    this.#sockets = new SocketContract(documents.asyncapi);
    this.#report = report;
    this.#now = now;
  }

  /** Starts to watch one connection; what it returns takes what a tap saw of it. */
  connection(): (event: TapEvent) => void {
    let where = 'a connection';
    let conversation: Conversation | undefined;
    const fault = (text: string): void => this.#report.violation(`${where}: ${text}`);
    const fact = (found: Fact): void => this.#report.fact(found);
    return (event) => {
      switch (event.kind) {
        case 'exchange': {
          const { request, response } = event;
          where = `${request ? `${request.method} ${withoutToken(request)}` : 'no request'} → ${response.status}`;
          const { faults, facts } = judgeResponse(this.#rest, request, response);
          faults.forEach(fault);
          facts.forEach(fact);
          const channel = response.status === 101 && request && this.#sockets.channelAt(request.target);
          if (!channel) return;
          const [wanted, findings] = [wantedOf(request.target), { fault, fact }];
          conversation = new Conversation(
            ...([this.#sockets, channel, findings, this.#now, this.#sessions, wanted] as const),
          );
          return;
        }
        case 'frame':
          return conversation?.frame(event.from, event.frame);
        case 'fault':
          return fault(event.message);
        case 'lost':
          return conversation?.lose();
        case 'ending':
          return conversation?.ending(event.by);
        case 'ended':
          return conversation?.ended(event.stalled);
      }
    };
  }
}

/** Tokens are long, and say nothing to the reader of a failed test. */
function withoutToken({ target }: ObservedRequest): string {
  return target.replaceAll(/([?&](?:token|resume)=)[^&#]{12,}/g, '$1…');
}
