// bentocache in two tiers with its bus, as its documentation shows it.
//
// First argument: what it is. Each reads lines from the standard input and answers them.
// - stampede URL MISSES: a slice, as in slices.mjs; its calls are whole stampedes, and the sixth number is how
//   often the worst of them loaded.
// - reader URL: a version; "ready" when the present one is in its memory, then the microsecond at which it was
//   shown that version.
// - writer URL: a version; writes it, deletes what is cached, and tells the microsecond at which that had answered.

import { createInterface } from "node:readline";
import { setImmediate as others } from "node:timers/promises";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis";
import Redis from "ioredis";

const [part, url, misses] = process.argv.slice(2);
const { hostname: host, port } = new URL(url);
const connection = { host, port: Number(port) };
const store = bentostore()
  .useL1Layer(memoryDriver({ maxItems: 10_000 }))
  .useL2Layer(redisDriver({ connection }))
  .useBus(redisBusDriver({ connection }));
const cache = new BentoCache({ default: "both", prefix: "bento", stores: { both: store } });
const truth = new Redis(url);
// Of the whole machine, so that two processes may compare what they read from it.
const micros = () => Number(process.hrtime.bigint() / 1000n);
const KEY = "version";
const TRUTH = "bento:truth";

let next = 0;
async function stampede() {
  const key = `item:${next++}`;
  let loads = 0;
  const factory = async () => {
    loads += 1;
    await others();
    return { key, name: "an item" };
  };
  const found = await Promise.all(Array.from({ length: Number(misses) }, () => cache.getOrSet({ key, ttl: "1h", factory })));
  return [loads, found.every((item) => item.key === key)];
}

async function slice(line) {
  const [warmUp, measured] = line.split(" ").map(Number);
  let [failed, worst] = [0, 0];
  // At least one, since a stampede may take longer than a slice.
  const until = async (end) => {
    let calls = 0;
    do {
      const [loads, answered] = await stampede();
      worst = Math.max(worst, loads);
      if (answered) calls += 1;
      else failed += 1;
    } while (micros() < end);
    return calls;
  };
  const began = micros();
  const before = await until(began + warmUp * 1000);
  const from = micros();
  const within = await until(from + measured * 1000);
  const ended = micros();
  return [within, ended - from, before + within, ended - began, failed, worst].join(" ");
}

const read = () => cache.getOrSet({ key: KEY, ttl: "1h", factory: async () => Number(await truth.get(TRUTH)) });

async function hear(line) {
  // The second is answered by this process's own memory.
  await read();
  await read();
  console.log("ready");
  while ((await read()) < Number(line)) await others();
  return micros();
}

async function change(line) {
  await truth.set(TRUTH, line);
  await cache.delete({ key: KEY });
  return micros();
}

const answer = { stampede: slice, reader: hear, writer: change }[part];
for await (const line of createInterface({ input: process.stdin })) console.log(String(await answer(line)));
await cache.disconnectAll();
truth.disconnect();
