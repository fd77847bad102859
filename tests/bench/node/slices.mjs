// Runs slices for the benchmark, as many callers at a time as it says.
//
// Reads slices from the standard input, a line each: the milliseconds of warm-up and of measuring.
// Answers each with a line: calls measured, microseconds, all calls, microseconds in all, calls that failed.

import { createInterface } from "node:readline";

const micros = () => Number(process.hrtime.bigint() / 1000n);

async function slice(tasks, call, warmUp, measured) {
  const began = micros();
  const from = began + warmUp * 1000;
  const to = from + measured * 1000;
  let [before, within, failed] = [0, 0, 0];
  const caller = async () => {
    for (;;) {
      const now = micros();
      if (to <= now) return;
      try {
        await call();
        if (now < from) before += 1;
        else within += 1;
      } catch {
        failed += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: tasks }, caller));
  const ended = micros();
  return [within, ended - from, before + within, ended - began, failed];
}

// Runs every slice that is asked for; `call` makes one call.
export async function run(tasks, call) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [warmUp, measured] = line.split(" ").map(Number);
    console.log((await slice(tasks, call, warmUp, measured)).join(" "));
  }
}
