import { Injectable, SetMetadata } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import type { TenantTx } from '@soko/database';
import { type DeadLetterKind, KINDS } from './dead-letters.js';

const REVIVES = Symbol('revives');
const SHOWS = Symbol('shows');

/**
 * What a retry came to: `done`, also where nothing is left to do; or `handed_on` to the queue that the row waits in, which buries it again
 * when it fails again.
 */
export type Revival = 'done' | 'handed_on';
export type Reviver = (tx: TenantTx, reference: string) => Promise<Revival>;
export type Shower = (tx: TenantTx, reference: string) => Promise<string | undefined>;

/**
 * Marks the one method that tries letters of `kind` once more: a `Reviver`. It runs in the transaction that settles the letter, and calls
 * nothing outside; it throws when the try has failed.
 */
export const Revives = (kind: DeadLetterKind) => SetMetadata(REVIVES, kind);

/** Marks a method that shows what a letter of `kind` is about: a `Shower`. Where there is none, the letter's reference says enough. */
export const Shows = (kind: DeadLetterKind) => SetMetadata(SHOWS, kind);

/** Who revives what in this process, found by decorators. */
@Injectable()
export class ReviverRegistry {
  private revivers?: Map<DeadLetterKind, Reviver>;
  private showers?: Map<DeadLetterKind, Shower>;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  /** @throws Error naming every kind without exactly one reviver */
  check(): void {
    this.revivers ??= this.marked<Reviver>(REVIVES);
    const missing = KINDS.filter((kind) => !this.revivers!.has(kind));
    if (missing.length > 0)
      throw new Error(`nobody revives dead letters of ${missing.join(', ')}: mark a method with @Revives and provide its class`);
  }

  reviver(kind: DeadLetterKind): Reviver {
    this.revivers ??= this.marked<Reviver>(REVIVES);
    const found = this.revivers.get(kind);
    if (!found) throw new Error(`nobody revives dead letters of ${kind} here`);
    return found;
  }

  shower(kind: DeadLetterKind): Shower | undefined {
    this.showers ??= this.marked<Shower>(SHOWS);
    return this.showers.get(kind);
  }

  private marked<T extends Reviver | Shower>(mark: symbol): Map<DeadLetterKind, T> {
    const found = new Map<DeadLetterKind, T>();
    for (const { instance } of this.discovery.getProviders()) {
      if (!instance || typeof instance !== 'object') continue;
      const methods = instance as Record<string, (...args: never[]) => unknown>;
      for (const key of this.scanner.getAllMethodNames(Object.getPrototypeOf(instance))) {
        const kind = this.reflector.get<DeadLetterKind | undefined>(mark, methods[key]!);
        if (!kind) continue;
        if (found.has(kind))
          throw new Error(`dead letters of ${kind} have two methods with @${mark.description === 'shows' ? 'Shows' : 'Revives'}`);
        found.set(kind, methods[key]!.bind(instance) as T);
      }
    }
    return found;
  }
}
