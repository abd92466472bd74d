/** People who press, reload, duplicate tabs and lose answers: forms that send once, with the client, on a plain ledger. */
import { expect } from 'vitest';
import {
  createLedgerClient,
  IntentConflict,
  type LedgerClient,
  type Operation,
} from '../../../src/client/index.ts';
import type { DraftStorage } from '../../../src/console/data/payments/drafts.ts';
import { type SentResult, sendWithKey } from '../../../src/console/data/payments/operations.ts';
import { SendOnce } from '../../../src/console/data/payments/send-once.ts';
import { memoryStore } from '../../client/memory-store.ts';
import { type Answer, answerOf, json, lost, type Outcome, PlainLedger, refused } from './plain-ledger.ts';

interface Values {
  readonly amount: string;
}

/** A request on its way. */
export interface Sent {
  readonly key: string;
  readonly amount: number;
  readonly tab: Tab;
  /** Counts the new starts of the tab. */
  readonly start: number;
  /** Whether nothing that was sent before could still be executed. */
  readonly isFirst: boolean;
  readonly form: Form;
  readonly answer: (response: Response) => void;
  readonly sending: Promise<unknown>;
  state: 'open' | 'late' | 'executed' | 'over';
}

type Form = SendOnce<Values, Operation, SentResult>;

/** A tab of the browser. Its forms of before a reload are gone; those of a page that was left still get their answers. */
export interface Tab {
  readonly items: Map<string, string>;
  readonly storage: DraftStorage;
  readonly client: LedgerClient;
  isBroken: boolean;
  form: Form | undefined;
  leave: () => void;
  /** All presses that a person means as one. */
  series: object;
  /** The last request was not executed, so that other values are another payment, also for duplicates of the tab. */
  wasRejected: boolean;
  /** A request of this series is without a decision that was seen. */
  isWaiting: boolean;
  start: number;
  alive: object;
  arrived: PromiseWithResolvers<Omit<Sent, 'sending'>>;
}

/** Tabs on one ledger, and all that is known of their requests. */
export class World {
  readonly ledger = new PlainLedger();
  readonly tabs: Tab[] = [];
  readonly sent: Sent[] = [];
  readonly #keys = memoryStore();
  /** The first series that a key was sent for. */
  readonly #seriesOf = new Map<string, object>();
  readonly executed = new Map<object, Set<string>>();
  areKeysBroken = false;
  readonly seen = new Map<string, number>();

  open(items = new Map<string, string>(), series: object = {}): void {
    const tab: Tab = {
      items,
      storage: {
        getItem: (name) => items.get(name) ?? null,
        setItem: (name, text) => {
          if (tab.isBroken) throw new DOMException('full', 'QuotaExceededError');
          items.set(name, text);
        },
        removeItem: (name) => void items.delete(name),
      },
      client: createLedgerClient({
        url: 'http://ledger.test/graphql',
        coalesce: false,
        keyStore: {
          ...this.#keys,
          addItem: (name: string, value: string) => {
            if (this.areKeysBroken) throw new Error('the database is gone');
            return this.#keys.addItem(name, value);
          },
        },
        fetch: (_, init) => this.#receive(tab, String(init.body)),
      }),
      isBroken: false,
      form: undefined,
      leave: () => {},
      series,
      wasRejected: false,
      isWaiting: false,
      start: 0,
      alive: {},
      arrived: Promise.withResolvers(),
    };
    this.tabs.push(tab);
    this.show(tab);
  }

  /** Shows the form of a tab, as after a reload. */
  show(tab: Tab): void {
    tab.form = new SendOnce<Values, Operation, SentResult>({
      storage: tab.storage,
      name: 'transfer',
      initial: { amount: '1' },
      isLasting: true,
    });
    tab.leave = tab.form.enter();
    if (tab.isWaiting) this.#judge(tab, tab.form);
  }

  leave(tab: Tab): void {
    // A result that was seen is not shown again.
    if (tab.form?.getSituation().state.kind === 'posted') this.#startNew(tab);
    tab.leave();
    tab.form = undefined;
  }

  startNew(tab: Tab): void {
    const { form } = tab;
    if (form === undefined || form.getSituation().state.kind === 'sending') return;
    form.startNew();
    this.#startNew(tab);
  }

  #startNew(tab: Tab): void {
    tab.isWaiting = false;
    tab.series = {};
    tab.start += 1;
  }

  duplicate(tab: Tab): void {
    // A tab whose browser stores nothing has a duplicate with another draft.
    const intent = tab.form?.getSituation().draft.intent ?? '';
    const isSame = [...tab.items.values()].some((text) => text.includes(intent));
    this.open(new Map(tab.items), isSame ? tab.series : {});
    const [copy] = this.tabs.slice(-1);
    if (copy !== undefined) copy.wasRejected = tab.wasRejected;
  }

  type(tab: Tab, amount: string): void {
    if (tab.form?.getSituation().state.kind === 'editing' && tab.wasRejected) {
      tab.series = {};
      tab.wasRejected = false;
    }
    tab.form?.change({ amount });
  }

  async press(tab: Tab): Promise<void> {
    const { form, client, start, alive, series } = tab;
    if (form === undefined) return;
    const { state, draft } = form.getSituation();
    const { amount } = draft.values;
    const request: Operation = { transfer: { fromAccountId: 'a', toAccountId: 'b', amount } };
    const call = () => form.send((operation, names) => sendWithKey(client, operation, names), request);
    tab.arrived = Promise.withResolvers();
    const sending = call();
    // A second press changes nothing.
    expect(await call()).toBeUndefined();
    const arrived = await Promise.race([tab.arrived.promise, sending.then(() => undefined)]);
    if (arrived === undefined) return this.#judge(tab, form);
    tab.isWaiting = true;
    const isFirst = state.kind === 'editing';
    if (!this.#seriesOf.has(arrived.key)) this.#seriesOf.set(arrived.key, series);
    const judged = sending.then(() => {
      if (tab.alive === alive && (tab.form === form || tab.form === undefined)) this.#judge(tab, form);
    });
    this.sent.push({ ...arrived, form, start, isFirst, sending: judged });
  }

  /** After a decision that is not a result, another press is another payment. A conflict decides nothing. */
  #judge(tab: Tab, form: Form): void {
    const { state } = form.getSituation();
    if (state.kind === 'editing' && !(state.error instanceof IntentConflict)) {
      tab.series = {};
      tab.isWaiting = false;
      tab.wasRejected = state.refusal?.code !== 'INSUFFICIENT_FUNDS';
    }
    if (state.kind === 'editing' && state.error instanceof Error) this.count(state.error.name);
  }

  #receive(tab: Tab, body: string): Promise<Response> {
    const { input } = JSON.parse(body).variables;
    const { alive } = tab;
    return new Promise((resolve) => {
      tab.arrived.resolve({
        key: input.idempotencyKey,
        amount: Number(input.amount),
        tab,
        start: tab.start,
        isFirst: true,
        form: tab.form as Form,
        // A page that was loaded again does not get the answers of the last one.
        answer: (response) => (tab.alive === alive ? resolve(response) : undefined),
        state: 'open',
      });
    });
  }

  async answer(request: Sent, how: Answer): Promise<void> {
    if (request.state !== 'open') return;
    const { tab, form } = request;
    const isShown = tab.form === form;
    const reply = this.#replyTo(request, how);
    this.count(how);
    const isAlive = isShown && form.getSituation().state.kind === 'sending';
    request.answer(reply.response);
    if (!isAlive) {
      // A form that was left gets it too.
      await Promise.race([request.sending, new Promise(setImmediate)]);
      return;
    }
    await request.sending;
    const expected = reply.decides === 'always' || (reply.decides === 'first' && request.isFirst);
    const { kind } = form.getSituation().state;
    expect([how, kind]).toEqual([how, expected ? reply.kind : 'undecided']);
  }

  #replyTo(request: Sent, how: Answer) {
    request.state = 'over';
    switch (how) {
      case 'executed': {
        const outcome = this.execute(request);
        const kind = outcome === 'declined' ? 'editing' : 'posted';
        return { response: answerOf(outcome), decides: 'always', kind } as const;
      }
      case 'executed, and the answer is lost':
      case 'executed, and a fault':
        this.execute(request);
        return { response: how.endsWith('fault') ? refused('INTERNAL') : lost(), decides: 'never' } as const;
      case 'lost, and executed later':
        request.state = 'late';
        return { response: lost(), decides: 'never' } as const;
      case 'lost':
        return { response: lost(), decides: 'never' } as const;
      case 'fault':
        return { response: refused('INTERNAL'), decides: 'never' } as const;
      case 'forbidden':
        return { response: refused('FORBIDDEN'), decides: 'first', kind: 'editing' } as const;
      case 'rejected':
        return {
          response: json({ errors: [{ message: 'no' }] }, 400),
          decides: 'first',
          kind: 'editing',
        } as const;
    }
  }

  execute(request: Sent): Outcome {
    const { outcome, isNew } = this.ledger.execute(request);
    request.state = isNew ? 'executed' : 'over';
    if (isNew) {
      this.count('executions');
      const series = this.#seriesOf.get(request.key) ?? {};
      const keys = this.executed.get(series) ?? new Set();
      this.executed.set(series, keys.add(request.key));
    }
    return outcome;
  }

  check(): void {
    for (const keys of this.executed.values()) expect(keys.size, 'executions of one series').toBe(1);
    for (const tab of this.tabs) {
      const situation = tab.form?.getSituation();
      if (situation === undefined) continue;
      const { state, draft } = situation;
      this.count(state.kind);
      if (state.kind === 'posted') {
        const { id } = (state.result as unknown as { transaction: { id: string } }).transaction;
        const known = [...this.ledger.outcomes.values()].find(
          (each) => each !== 'declined' && each.id === id,
        );
        expect(known).toEqual({ id, amount: Number(draft.values.amount) });
      }
      if (state.kind === 'editing') {
        const own = this.sent.filter(({ tab: of, start }) => of === tab && start === tab.start);
        const done = own.filter(
          (request) =>
            request.state === 'executed' ||
            (request.state !== 'over' && !this.ledger.outcomes.has(request.key)),
        );
        expect(done.length, 'requests of a form for editing that are or may be executed').toBe(0);
      }
    }
  }

  /** The browser loses what the client has stored. Tabs that share a draft of which nothing was sent then have nothing in common. */
  loseKeys(): void {
    this.#keys.kept.clear();
  }

  count(name: string): void {
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1);
  }

  /** All answers arrive, and each person tries again until the outcome is known. */
  async finish(): Promise<void> {
    this.areKeysBroken = false;
    for (const request of this.sent) {
      if (request.state === 'late') this.execute(request);
      await this.answer(request, 'executed');
    }
    for (const tab of this.tabs) {
      tab.isBroken = false;
      if (tab.form === undefined) this.show(tab);
      for (let tries = 0; tab.form?.getSituation().state.kind === 'undecided' && tries < 2; tries += 1) {
        await this.press(tab);
        const last = this.sent.at(-1);
        if (last !== undefined) await this.answer(last, 'executed');
      }
      expect(['editing', 'posted']).toContain(tab.form?.getSituation().state.kind);
    }
  }
}
