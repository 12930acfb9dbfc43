// Preloaded into the operator by clock-jumps.ts: on SIGUSR2 the wall clock jumps to the offset that a file gives, in
// milliseconds. Only the wall clock: like a real one that is set, this leaves the monotonic clock and the timers alone.
import { readFileSync } from 'node:fs';

const RealDate = Date;
let offsetMs = 0;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) =>
    Reflect.construct(target, args.length === 0 ? [target.now() + offsetMs] : args),
  get: (target, key) => (key === 'now' ? () => target.now() + offsetMs : Reflect.get(target, key, target)),
});

process.on('SIGUSR2', () => {
  offsetMs = Number(readFileSync(process.env.CLOCK_OFFSET_FILE ?? '', 'utf8'));
});
