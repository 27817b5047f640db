// The other end of a test: lines of JSON on standard input and output. The test
// sends what to do; a script asks it to visit an address, as a person's browser,
// and gets the address that the browser was sent to.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export async function receive() {
  const { value, done } = await lines.next()
  if (done) throw new Error('the test has hung up')
  return JSON.parse(value)
}

export function send(message) {
  process.stdout.write(JSON.stringify(message) + '\n')
}

// visit lets the person open an address, and returns where it ended: the client's
// own callback address.
export async function visit(url) {
  send({ visit: String(url) })
  return new URL((await receive()).callback)
}

export function want(ok, what) {
  if (!ok) throw new Error(what)
}

// refused wants that a call fails with an OAuth error, and returns it.
export async function refused(promise, code) {
  let answer
  try {
    answer = await promise
  } catch (err) {
    want(err.error === code, `refused with ${err.error ?? err}, want ${code}`)
    want(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/.test(err.error_description ?? ''), `${code}: error_description is ${err.error_description}`)
    return err
  }
  throw new Error(`accepted, want ${code}: ${Object.keys(answer)}`)
}

// converse runs main with what the test asks for, and reports how it ended.
export async function converse(main) {
  try {
    send({ result: (await main(await receive())) ?? {} })
  } catch (err) {
    const cause = err.cause instanceof Error ? err.cause : undefined
    send({ failure: [err.stack, cause?.stack, err.error, err.error_description].filter(Boolean).join('\n') })
  }
  process.exit(0)
}
