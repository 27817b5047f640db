// Signs a person in as an application does: openid-client for the protocol, and the
// JSON form of the steps for what the person types. Reads a task from standard
// input, prints the claims of the ID token and of userinfo.
import * as client from 'openid-client'
import { readFileSync } from 'node:fs'

const task = JSON.parse(readFileSync(0, 'utf8'))
const issuer = new URL(task.issuer)
// identity dev speaks http, on this machine alone.
const local = issuer.protocol === 'http:' && issuer.hostname === 'localhost'
const options = local ? { execute: [client.allowInsecureRequests] } : {}
const config = await client.discovery(issuer, task.client_id, {}, client.ClientSecretBasic(task.client_secret), options)
client.enableNonRepudiationChecks(config)

const verifier = client.randomPKCECodeVerifier()
const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true }
const start = client.buildAuthorizationUrl(config, {
  redirect_uri: task.redirect_uri,
  scope: task.scope,
  state: checks.expectedState,
  nonce: checks.expectedNonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
})
const callback = await browse(start)
const tokens = await client.authorizationCodeGrant(config, callback, checks)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
console.log(JSON.stringify({ ...userinfo, ...claims }))

// browse is the browser and the person: it follows redirects with its cookies, and
// answers the steps, until it is led back to the application.
async function browse(url) {
  const cookies = new Map()
  const ask = async (options = {}) => {
    const headers = { accept: 'application/json', origin: new URL(task.issuer).origin, ...options.headers }
    if (cookies.size > 0) headers.cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, { redirect: 'manual', ...options, headers })
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';')
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    return answer
  }
  for (let step = 0; step < 20; step++) {
    if (url.href.startsWith(task.redirect_uri)) return url
    let answer = await ask()
    if (answer.status === 302 || answer.status === 303) {
      url = new URL(answer.headers.get('location'), url)
      continue
    }
    const page = await answer.json()
    if (!page.flow) throw new Error(`${url.pathname}: ${answer.status} ${JSON.stringify(page)}`)
    const typed = { identify: { identifier: task.email }, password: { password: task.password }, consent: { decision: 'allow' } }[page.flow]
    if (!typed) throw new Error(`nobody expected the step ${page.flow}`)
    if (page.view?.with_password) typed.password = task.password
    const shown = url
    url = new URL(page.action, url)
    answer = await ask({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(typed) })
    const next = await answer.json()
    if (!next.redirect_to) throw new Error(`${page.flow}: ${answer.status} ${JSON.stringify(next.problem)}`)
    url = new URL(next.redirect_to, shown)
  }
  throw new Error('the sign-in has no end')
}
