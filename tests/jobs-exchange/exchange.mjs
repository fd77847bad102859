// node exchange.mjs work|add|look PORT PREFIX QUEUE COUNT
// Tells what it did, as one line of JSON for each step.
import { Queue, Worker } from 'bullmq'

const [, , role, port, prefix, name, count] = process.argv
const options = { connection: { host: '127.0.0.1', port: Number(port) }, prefix }
const tell = line => console.log(JSON.stringify(line))

async function work() {
  let left = Number(count)
  const worker = new Worker(name, async job => {
    tell({ id: job.id, name: job.name, data: job.data })
    if (job.name === 'fails-always' || (job.name === 'fails-once' && job.attemptsMade === 0)) {
      throw new Error('node says no')
    }
    return { by: 'node' }
  }, options)
  await new Promise(resolve => {
    const ended = () => { if (--left === 0) resolve() }
    worker.on('completed', ended)
    worker.on('failed', job => { if (job.finishedOn) ended() })
  })
  await worker.close()
}

async function add() {
  const queue = new Queue(name, options)
  for (let n = 0; n < Number(count); n++) {
    const fails = n === 2
    const job = await queue.add(fails ? 'fails-always' : 'welcome', { n }, {
      delay: n === 1 ? 200 : 0,
      priority: n === 3 ? 5 : undefined,
      ...(fails ? { attempts: 2, backoff: { type: 'exponential', delay: 50 } } : {}),
    })
    tell({ id: job.id })
  }
  await queue.close()
}

async function look() {
  const queue = new Queue(name, options)
  for (const job of await queue.getJobs(['completed', 'failed', 'waiting', 'active', 'delayed', 'prioritized'])) {
    tell({ id: job.id, state: await job.getState(), reason: job.failedReason, answer: job.returnvalue })
  }
  await queue.close()
}

await { work, add, look }[role]()
